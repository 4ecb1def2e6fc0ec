/**
 * Requests to the API server: raw JSON over one shared pool of kept-alive connections.
 *
 * Promises: every failure is an ApiError that says whether a write may have been carried out. Retry-After is honoured
 * for 429 (the server did nothing yet), and for reads on 5xx; a read is sent again once after a reset connection; a
 * 401 reads the credentials anew, once. Nothing else is repeated: a write is never sent twice. No client-side limit
 * of requests per second: API priority and fairness does that better.
 */
import type { Dispatcher, WebSocket } from 'undici';
import { type Clock, pause } from '../base/clock.ts';
import { EngineError, errorMessage } from '../base/errors.ts';
import type { Json } from '../kube/object.ts';
import type { BeforeSend } from './api.ts';
import { ApiError } from './errors.ts';
import { parseJson, stringifyJson } from './json.ts';
import type { LoadedKubeConfig } from './kubeconfig.ts';
import { lineSplitter } from './lines.ts';
import { type ConnectionPool, createConnectionPool } from './pool.ts';
import { answerError, requestError } from './transport-errors.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TransportRequest {
  readonly method: HttpMethod;
  /** Path below the server's address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Default: application/json. */
  readonly contentType?: string;
  /** Default: application/json. */
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest silence, in milliseconds; default: the transport's own. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** False: never sent again, not even after a 429. Default true. */
  readonly retry?: boolean;
  readonly beforeSend?: BeforeSend;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One finished request, for rest_client_requests_total and its latency. */
export interface RequestObservation {
  readonly method: HttpMethod;
  /** HTTP status, or `<error>` where no answer came (client-go's label). */
  readonly code: string;
  readonly host: string;
  /** Until the answer's headers. */
  readonly seconds: number;
}

export interface TransportOptions {
  readonly kubeconfig: LoadedKubeConfig;
  readonly clock: Clock;
  /** `libretto/VERSION` */
  readonly userAgent: string;
  readonly onRequest?: (observation: RequestObservation) => void;
  /** Called with the text of each Warning header. */
  readonly onWarning?: (text: string, request: TransportRequest) => void;
  /**
   * Longest silence in milliseconds; default 35 s, one more than the API server gives a write (its handlers' upper
   * bound is 34 s), so that its own answer comes first.
   */
  readonly timeoutMs?: number;
  /** Acts as another user throughout. Requests of `Cluster.actAs` name their own. */
  readonly impersonate?: { readonly user: string; readonly groups?: readonly string[] };
}

export interface LineSink {
  /** The server accepted the request. */
  onOpen?(): void;
  onLine(line: string): void;
}

export interface Transport {
  /** The parsed answer; null for an empty one. */
  json(request: TransportRequest): Promise<Json>;
  /** The answer as it came; 304 counts as success. */
  text(request: TransportRequest): Promise<TransportResponse>;
  /**
   * Reads an endless answer line by line; resolves when the server ends it. No timeout once it began: the caller
   * knows what silence means, and ends it through `signal`.
   */
  lines(request: TransportRequest, sink: LineSink): Promise<void>;
  /** The answer as it begins, whatever its status; `text` is sent as it is. Never sent twice. */
  exchange(request: Omit<TransportRequest, 'body' | 'retry'> & { readonly text?: string }): Promise<Exchange>;
  /** A WebSocket that is being opened. Why an opening failed it can't tell: the same GET as a request can. */
  socket(request: SocketRequest): Promise<WebSocket>;
  /** Ends every connection; requests on their way fail. */
  close(): Promise<void>;
}

export interface Exchange {
  readonly status: number;
  readonly headers: TransportResponse['headers'];
  readonly body: AsyncIterable<Uint8Array>;
}

export interface SocketRequest {
  /** Path below the server's address, with its query. */
  readonly path: string;
  /** Subprotocols, the best first. */
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly beforeSend?: BeforeSend;
}

const DEFAULT_TIMEOUT_MS = 35_000;
const CREDENTIALS_MAX_AGE_MS = 30_000;
const MAX_RETRIES = 5;
/** A longer wait is the caller's: it gets the error with retryAfterMs and can do other work meanwhile. */
const LONGEST_WAIT_MS = 30_000;

export function createTransport(options: TransportOptions): Transport {
  return new HttpTransport(options);
}

interface SendOptions {
  readonly fresh: boolean;
  /** Silence allowed inside the answer; 0 for endless ones. */
  readonly bodyTimeoutMs: number;
}

/** Connections with the headers that prove who we are, and when that was last asked. */
interface Access {
  readonly connections: ConnectionPool;
  readonly headers: Readonly<Record<string, string>>;
  readonly since: number;
}

class HttpTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #host: string;
  /** Path prefix of the server's address, '' for most. */
  readonly #prefix: string;
  readonly #timeoutMs: number;
  #access: Access | undefined;
  #renewing: Promise<Access> | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    const url = new URL(options.kubeconfig.server);
    this.#host = url.host;
    this.#prefix = url.pathname.replace(/\/$/, '');
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  async json(request: TransportRequest): Promise<Json> {
    const { text } = await this.text(request);
    if (text === '') return null;
    try {
      return parseJson(text);
    } catch (cause) {
      const outcome = request.method === 'GET' ? 'known' : 'unknown';
      throw new ApiError('ClusterAnswerInvalid', `${request.method} ${request.path}: the answer is no JSON`, {
        outcome,
        cause,
      });
    }
  }

  text(request: TransportRequest): Promise<TransportResponse> {
    const bodyTimeoutMs = request.timeoutMs ?? this.#timeoutMs;
    return this.#withRetries(request, async (fresh) => {
      const response = await this.#send(request, { fresh, bodyTimeoutMs });
      const text = await this.#guard(request, () => response.body.text());
      if (response.statusCode >= 300 && response.statusCode !== 304)
        throw answerError(request, response, text);
      return { status: response.statusCode, headers: response.headers, text };
    });
  }

  async lines(request: TransportRequest, sink: LineSink): Promise<void> {
    const response = await this.#withRetries({ ...request, retry: false }, async (fresh) => {
      const answer = await this.#send(request, { fresh, bodyTimeoutMs: 0 });
      if (answer.statusCode < 300) return answer;
      throw answerError(request, answer, await this.#guard(request, () => answer.body.text()));
    });
    sink.onOpen?.();
    await this.#guard(request, async () => {
      const splitter = lineSplitter();
      for await (const chunk of response.body) {
        for (const line of splitter.push(chunk)) sink.onLine(line);
      }
      const rest = splitter.rest();
      if (rest !== '') sink.onLine(rest);
    });
  }

  async exchange(
    request: Omit<TransportRequest, 'body' | 'retry'> & { readonly text?: string },
  ): Promise<Exchange> {
    const { statusCode, headers, body } = await this.#send(request, { fresh: false, bodyTimeoutMs: 0 });
    return { status: statusCode, headers, body };
  }

  async socket({ path, protocols, headers: own, beforeSend }: SocketRequest): Promise<WebSocket> {
    const access = this.#currentAccess(false) ?? (await this.#renewAccess(false));
    beforeSend?.();
    const { accept: _accept, ...headers } = this.#headers(
      { method: 'GET', path, ...(own === undefined ? {} : { headers: own }) },
      access.headers,
    );
    return access.connections.socket({ path: this.#prefix + path, protocols, headers });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const access = this.#access;
    this.#access = undefined;
    await access?.connections.destroy();
  }

  /** Runs `attempt` until it succeeds or its failure is the caller's; `fresh` asks for new credentials. */
  async #withRetries<T>(request: TransportRequest, attempt: (fresh: boolean) => Promise<T>): Promise<T> {
    const spent = { credentials: false, reset: false };
    for (let tries = 0, fresh = false; ; tries++) {
      try {
        return await attempt(fresh);
      } catch (error) {
        if (!(error instanceof ApiError) || this.#closed || request.signal?.aborted) throw error;
        fresh = error.status === 401 && !spent.credentials;
        if (fresh) spent.credentials = true;
        else if (isLostRead(request, error) && !spent.reset) spent.reset = true;
        else await this.#waitAsAsked(request, error, tries);
      }
    }
  }

  /** Waits for Retry-After, or throws the error where sending again is not allowed. */
  async #waitAsAsked(request: TransportRequest, error: ApiError, tries: number): Promise<void> {
    const harmless = error.status === 429 || (request.method === 'GET' && error.status >= 500);
    const delay = error.retryAfterMs;
    if (!harmless || request.retry === false || delay === undefined) throw error;
    if (tries >= MAX_RETRIES || delay > LONGEST_WAIT_MS) throw error;
    await pause(this.#options.clock, delay, request.signal);
    if (request.signal?.aborted) throw error;
  }

  async #send(
    request: TransportRequest & { readonly text?: string },
    how: SendOptions,
  ): Promise<Dispatcher.ResponseData> {
    const access = this.#currentAccess(how.fresh) ?? (await this.#renewAccess(how.fresh));
    const body = request.body === undefined ? (request.text ?? null) : stringifyJson(request.body);
    const { beforeSend } = request;
    const started = this.#options.clock.monotonic();
    const timeoutMs = request.timeoutMs ?? this.#timeoutMs;
    const response = await this.#guard(
      request,
      () =>
        access.connections.request({
          method: request.method,
          path: this.#prefix + request.path,
          headers: this.#headers(request, access.headers),
          body,
          headersTimeout: timeoutMs,
          bodyTimeout: how.bodyTimeoutMs,
          ...(beforeSend === undefined ? {} : { beforeSend }),
          ...(request.signal === undefined ? {} : { signal: request.signal }),
        }),
      started,
    );
    this.#observe(request, String(response.statusCode), started);
    this.#warn(request, response.headers.warning);
    return response;
  }

  #headers(request: TransportRequest, credentials: Access['headers']): Record<string, string | string[]> {
    const { userAgent } = this.#options;
    // Who acts as somebody for one request does so without the groups of another.
    const impersonate =
      request.headers?.['impersonate-user'] === undefined ? this.#options.impersonate : undefined;
    return {
      ...credentials,
      accept: request.accept ?? 'application/json',
      'user-agent': userAgent,
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      ...(impersonate === undefined ? {} : { 'impersonate-user': impersonate.user }),
      ...(impersonate?.groups === undefined ? {} : { 'impersonate-group': [...impersonate.groups] }),
      ...request.headers,
    };
  }

  /** Turns what undici throws into an ApiError. After a timeout the other idle connections are suspect as well. */
  async #guard<T>(request: TransportRequest, action: () => Promise<T>, started?: number): Promise<T> {
    try {
      return await action();
    } catch (cause) {
      // What `beforeSend` throws.
      if (cause instanceof EngineError && !(cause instanceof ApiError)) throw cause;
      const error = requestError(request, cause);
      if (started !== undefined) this.#observe(request, '<error>', started);
      if (error.code === 'ClusterTimeout') this.#access?.connections.renew();
      throw error;
    }
  }

  #observe(request: TransportRequest, code: string, started: number): void {
    const seconds = (this.#options.clock.monotonic() - started) / 1000;
    this.#options.onRequest?.({ method: request.method, code, host: this.#host, seconds });
  }

  /** RFC 7234 warnings, as the API server sends them: `299 - "text"`. */
  #warn(request: TransportRequest, header: string | string[] | undefined): void {
    if (header === undefined || this.#options.onWarning === undefined) return;
    for (const [, text] of [header]
      .flat()
      .join(',')
      .matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      this.#options.onWarning((text ?? '').replaceAll(/\\(.)/g, '$1'), request);
    }
  }

  #currentAccess(fresh: boolean): Access | undefined {
    const access = this.#access;
    if (access === undefined || fresh) return undefined;
    return this.#options.clock.monotonic() - access.since < CREDENTIALS_MAX_AGE_MS ? access : undefined;
  }

  /** One renewal at a time, however many requests ask for it. */
  #renewAccess(fresh: boolean): Promise<Access> {
    this.#renewing ??= this.#askForAccess(fresh).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #askForAccess(fresh: boolean): Promise<Access> {
    const { kubeconfig, clock } = this.#options;
    const { tls, headers } = await (fresh ? kubeconfig.reload() : kubeconfig.credentials()).catch(
      refuseCredentials,
    );
    if (this.#closed) throw new ApiError('ClusterUnreachable', 'the connection to the cluster was closed');
    const settings = { server: new URL(kubeconfig.server).origin, tls, proxyUrl: kubeconfig.proxyUrl };
    const connections = this.#access?.connections ?? createConnectionPool(settings);
    connections.use(settings);
    this.#access = { connections, headers, since: clock.monotonic() };
    return this.#access;
  }
}

function refuseCredentials(cause: unknown): never {
  const hint = cause instanceof EngineError ? cause.hint : undefined;
  throw new ApiError('ClusterUnreachable', errorMessage(cause), {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A read whose connection broke: most often a kept-alive one that the server had just closed. */
function isLostRead(request: TransportRequest, error: ApiError): boolean {
  return (
    request.method === 'GET' &&
    request.retry !== false &&
    error.code === 'ClusterUnreachable' &&
    wasReset(error)
  );
}

function wasReset(error: ApiError): boolean {
  return (
    error.cause instanceof Error &&
    /ECONNRESET|EPIPE|UND_ERR_SOCKET/.test(String(Reflect.get(error.cause, 'code')))
  );
}
