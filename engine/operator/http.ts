/** /healthz, /readyz and /metrics over plain HTTP. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { EngineError } from '../base/errors.ts';
import type { Metrics } from '../base/metrics.ts';

export interface HttpEndpointOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Undefined: ready; else why not. */
  readonly notReady: () => string | undefined;
}

export interface HttpEndpoint {
  readonly port: number;
  close(): Promise<void>;
}

/** Rejects with an EngineError `HttpPortUnavailable`. */
export async function serveHttp(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => response.destroy());
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', (cause) => listening.reject(unavailable(options, cause)));
  server.listen(options.port, options.host, () => listening.resolve());
  await listening.promise;
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function unavailable(options: HttpEndpointOptions, cause: Error): EngineError {
  return new EngineError(
    'HttpPortUnavailable',
    `cannot listen on ${options.host}:${options.port}: ${cause.message}`,
    {
      hint: 'choose another port with --http-port, or 0 for none',
      cause,
    },
  );
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpEndpointOptions,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET\n');
  switch (path) {
    case '/healthz':
    case '/livez':
      return send(response, 200, 'ok\n');
    case '/readyz': {
      const why = options.notReady();
      return send(response, why === undefined ? 200 : 503, `${why ?? 'ok'}\n`);
    }
    case '/metrics':
      response.setHeader('content-type', options.metrics.contentType);
      return send(response, 200, await options.metrics.render());
    default:
      return send(response, 404, 'there is /healthz, /readyz and /metrics\n');
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.statusCode = status;
  response.end(body);
}
