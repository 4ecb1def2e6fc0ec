/**
 * The shared connections: one undici Agent over HTTP/1.1, replaced when the TLS material changed or when a timeout
 * made its idle connections suspect. An old Agent ends when its last request has.
 *
 * TCP keep-alive probes begin after 15 s of silence; libuv sends one a second and gives up after ten, so that a
 * peer that vanished is found in 25 s, watches included.
 */
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent, WebSocket } from 'undici';
import type { BeforeSend } from './api.ts';
import type { TlsIdentity } from './kubeconfig.ts';

export interface PoolSettings {
  readonly server: string;
  readonly tls: TlsIdentity;
  readonly proxyUrl: string | undefined;
}

export interface SocketOptions {
  /** Path below the server's address, with its query. */
  readonly path: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface PoolRequest extends Omit<Dispatcher.RequestOptions, 'origin'> {
  /** Called when a connection is about to carry the request, however long it had to wait for one. */
  readonly beforeSend?: BeforeSend;
}

export interface ConnectionPool {
  /** Rejects with what `beforeSend` throws. */
  request(options: PoolRequest): Promise<Dispatcher.ResponseData>;
  /** A WebSocket that is being opened; it ends with the dispatcher that carries it. */
  socket(options: SocketOptions): WebSocket;
  /** Takes other settings for the requests to come, where they differ. */
  use(settings: PoolSettings): void;
  /** New connections for the requests to come. */
  renew(): void;
  /** Ends everything at once. */
  destroy(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Below the 60 s at which load balancers drop silent connections, and the API server's own 90 s. */
const IDLE_TIMEOUT_MS = 45_000;
const KEEP_ALIVE_PROBE_MS = 15_000;

export function createConnectionPool(first: PoolSettings): ConnectionPool {
  let settings = first;
  let current = createDispatcher(settings);
  const retired = new Set<Dispatcher>();
  const renew = (): void => {
    const old = current;
    retired.add(old);
    current = createDispatcher(settings);
    // A closed dispatcher finishes what it carries; a failure to do so leaves nothing behind.
    old.close().then(
      () => retired.delete(old),
      () => retired.delete(old),
    );
  };
  return {
    request({ beforeSend, ...options }) {
      const dispatcher = beforeSend === undefined ? current : current.compose(askingFirst(beforeSend));
      return dispatcher.request({ ...options, origin: settings.server });
    },
    socket: ({ path, protocols, headers }) =>
      new WebSocket(settings.server.replace(/^http/, 'ws') + path, {
        protocols: [...protocols],
        headers: Object.entries(headers).flatMap(([name, value]) =>
          [value].flat().map((text): [string, string] => [name, text]),
        ),
        dispatcher: current,
      }),
    use(next) {
      if (JSON.stringify(next) === JSON.stringify(settings)) return;
      settings = next;
      renew();
    },
    renew,
    async destroy() {
      await Promise.all([current, ...retired].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function askingFirst(beforeSend: BeforeSend): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(controller, context) {
        beforeSend();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

function createDispatcher({ tls, proxyUrl }: PoolSettings): Dispatcher {
  const common = { keepAliveTimeout: IDLE_TIMEOUT_MS, keepAliveMaxTimeout: IDLE_TIMEOUT_MS, allowH2: false };
  if (proxyUrl?.startsWith('socks'))
    return new Socks5ProxyAgent(proxyUrl, { ...common, requestTls: { ...tls } });
  if (proxyUrl !== undefined) return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: { ...tls } });
  const connect = {
    ...tls,
    timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
  };
  return new Agent({ ...common, connect });
}
