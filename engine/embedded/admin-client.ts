/** The few requests that setting up a control plane needs, over HTTPS with the administrator's certificate. */
import { Agent, request } from 'node:https';
import type { Credentials } from '../base/certificates.ts';
import { EngineError } from '../base/errors.ts';

export interface AdminClientOptions {
  readonly server: string;
  readonly caData: string;
  readonly credentials: Credentials;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface AdminClient {
  /** Sends once; rejects where there is no answer within 10 s. */
  send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
  close(): void;
}

const TIMEOUT_MS = 10_000;

export function createAdminClient(options: AdminClientOptions): AdminClient {
  const { caData: ca, credentials } = options;
  const agent = new Agent({
    keepAlive: true,
    ca,
    cert: credentials.certificate,
    key: credentials.privateKey,
  });
  return {
    send: (method, path, body) => send({ agent, url: new URL(path, options.server), method, body }),
    close: () => agent.destroy(),
  };
}

interface Sending {
  readonly agent: Agent;
  readonly url: URL;
  readonly method: string;
  readonly body: unknown;
}

function send({ agent, url, method, body }: Sending): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      'content-type': contentType(method),
      'user-agent': 'libretto-embedded',
    };
    const sent = request(url, { agent, method, headers, timeout: TIMEOUT_MS }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.on('timeout', () =>
      sent.destroy(new EngineError('ControlPlaneSilent', `no answer from ${url.href} in ${TIMEOUT_MS} ms`)),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}
