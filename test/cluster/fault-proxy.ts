/**
 * A proxy between a client and kube-apiserver that fails on demand: it refuses requests, loses answers after they were
 * committed, replaces them, stalls, or stops forwarding while the sockets stay open. Plain HTTP on loopback towards
 * the client, TLS with the control plane's own credentials towards the API server (a request that brings a bearer
 * token goes on with that alone). Its kubeconfig serves other processes too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedKubeConfig, loadKubeConfig, type TlsIdentity } from '../../engine/cluster/kubeconfig.ts';

export interface SeenRequest {
  /** 0 for the first request since the start or the last `forget()`. */
  readonly index: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly watch: boolean;
  readonly body: string;
  /** Status that the client got; undefined: none (yet). */
  status: number | undefined;
  /** Nothing more comes: the answer is whole, or the client has gone. */
  ended: boolean;
  /** Whom the client acts as. */
  readonly actsAs: string | undefined;
}

export type Fault =
  /** The connection is reset; the API server never sees the request. */
  | { readonly kind: 'refuse' }
  /** The API server carries the request out; the connection is reset instead of its answer. */
  | { readonly kind: 'loseAnswer' }
  /** Answered here; the API server never sees the request. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** The API server carries the request out; the client gets this answer. */
  | {
      readonly kind: 'replaceAnswer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Forwarded once the promise resolves. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> };

export interface FaultProxy {
  readonly server: string;
  readonly kubeconfigPath: string;
  readonly kubeconfig: LoadedKubeConfig;
  /** In order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** What happens to a request; undefined: it is forwarded. */
  setFault(choose: ((request: SeenRequest) => Fault | undefined) | undefined): void;
  /** Nothing is forwarded any more, in either direction; sockets stay open (a half-open connection). */
  freeze(): void;
  /** Goes on for connections made from now on; those that were frozen stay dead until their client ends them. */
  thawForNew(): void;
  /** Resets every connection. */
  cut(): void;
  /** Forgets the requests seen so far. */
  forget(): void;
  close(): Promise<void>;
}

interface Target {
  readonly url: URL;
  readonly agents: { readonly admin: Agent; readonly bearer: Agent };
}

/** `kubeconfigPath` is the control plane's. */
export async function startFaultProxy(kubeconfigPath: string): Promise<FaultProxy> {
  const upstream = loadKubeConfig({ path: kubeconfigPath });
  const { tls } = await upstream.credentials();
  const target = {
    url: new URL(upstream.server),
    agents: { admin: agentOf(tls), bearer: agentOf({ ...(tls.ca === undefined ? {} : { ca: tls.ca }) }) },
  };
  const proxy = new LocalFaultProxy(target);
  await proxy.listen();
  return proxy;
}

function agentOf(tls: TlsIdentity): Agent {
  return new Agent({ ...tls, keepAlive: true, maxSockets: 1_000 });
}

class LocalFaultProxy implements FaultProxy {
  readonly #target: Target;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fault-proxy-'));
  readonly #http: Server;
  readonly #sockets = new Set<Socket>();
  readonly #dead = new WeakSet<Socket>();
  #requests: SeenRequest[] = [];
  #choose: ((request: SeenRequest) => Fault | undefined) | undefined;
  #frozen = false;
  #server = '';

  constructor(target: Target) {
    this.#target = target;
    this.#http = createServer((request, response) => void this.#take(request, response));
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket);
      if (this.#frozen) this.#dead.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
  }

  get server(): string {
    return this.#server;
  }

  get kubeconfigPath(): string {
    return join(this.#folder, 'kubeconfig');
  }

  get kubeconfig(): LoadedKubeConfig {
    return loadKubeConfig({ path: this.kubeconfigPath });
  }

  get requests(): readonly SeenRequest[] {
    return this.#requests;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    const address: AddressInfo | string | null = this.#http.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    this.#server = `http://127.0.0.1:${address.port}`;
    writeFileSync(this.kubeconfigPath, kubeconfigText(this.#server));
  }

  setFault(choose: ((request: SeenRequest) => Fault | undefined) | undefined): void {
    this.#choose = choose;
  }

  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) this.#dead.add(socket);
  }

  thawForNew(): void {
    this.#frozen = false;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  forget(): void {
    this.#requests = [];
  }

  async close(): Promise<void> {
    this.cut();
    this.#target.agents.admin.destroy();
    this.#target.agents.bearer.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request).catch(() => undefined);
    if (body === undefined || this.#dead.has(request.socket)) return;
    const path = request.url ?? '/';
    const watch = /[?&]watch=(1|true)\b/.test(path);
    const index = this.#requests.length;
    const seen: SeenRequest = {
      index,
      method: request.method ?? 'GET',
      path,
      watch,
      body: body.toString('utf8'),
      status: undefined,
      ended: false,
      actsAs: request.headers['impersonate-user']?.toString(),
    };
    response.on('close', () => {
      seen.ended = true;
    });
    this.#requests.push(seen);
    const fault = this.#choose?.(seen);
    if (fault?.kind === 'refuse') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'answer') return answer(response, seen, fault);
    if (fault?.kind === 'hold') await fault.until;
    this.#forward({ request, response, seen, body, fault });
  }

  #forward(exchange: Exchange): void {
    const { request, response, seen, body, fault } = exchange;
    const { url, agents } = this.#target;
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const agent = headers.authorization === undefined ? agents.admin : agents.bearer;
    const onward = httpsRequest({
      host: url.hostname,
      port: url.port,
      method: seen.method,
      path: seen.path,
      headers,
      agent,
    });
    onward.on('error', () => request.socket.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (upstream) => {
      upstream.on('error', () => request.socket.destroy());
      if (fault?.kind === 'loseAnswer' || fault?.kind === 'replaceAnswer') {
        upstream.resume().on('end', () => {
          if (fault.kind === 'loseAnswer') request.socket.resetAndDestroy();
          else answer(response, seen, fault);
        });
        return;
      }
      this.#passBack(exchange, upstream);
    });
    onward.end(body);
  }

  #passBack({ request, response, seen }: Exchange, upstream: IncomingMessage): void {
    if (this.#dead.has(request.socket)) return;
    seen.status = upstream.statusCode;
    response.writeHead(upstream.statusCode ?? 502, upstream.headers);
    response.flushHeaders();
    upstream.on('data', (chunk) => {
      if (!this.#dead.has(request.socket)) response.write(chunk);
    });
    upstream.on('end', () => {
      if (!this.#dead.has(request.socket)) response.end();
    });
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly seen: SeenRequest;
  readonly body: Buffer;
  readonly fault: Fault | undefined;
}

function answer(
  response: ServerResponse,
  seen: SeenRequest,
  fault: { status: number; headers?: Record<string, string>; body?: string },
): void {
  seen.status = fault.status;
  response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
  response.end(fault.body ?? '');
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function kubeconfigText(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'proxy', cluster: { server } }],
    users: [{ name: 'proxy', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
    'current-context': 'proxy',
  });
}
