/**
 * One HTTP request to an application. Its connections are its own: no credentials of the cluster go with it, and no
 * redirect is followed, so that nothing is sent to a host that nobody named.
 */
import { Agent, type Dispatcher, request as send } from 'undici';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { CallFailure, HttpAnswer, HttpRequest } from './api.ts';
import { CappedText } from './capped-text.ts';
import type { Transport } from './transport.ts';

export interface HttpCallParts {
  readonly transport: Transport;
  readonly clock: Clock;
}

export async function callHttp(request: HttpRequest, parts: HttpCallParts): Promise<HttpAnswer> {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return failed('BadRequest', `${request.url} is no address of http or https`);
  request.beforeSend?.();
  const timeout = new AbortController();
  const timer = parts.clock.after(request.timeoutMs, () => timeout.abort());
  const signal = AbortSignal.any([timeout.signal, ...(request.signal === undefined ? [] : [request.signal])]);
  const dispatcher = new Agent({
    connect: request.ca === undefined ? {} : { ca: request.ca },
    allowH2: false,
  });
  try {
    return await exchange(request, { url, dispatcher, signal });
  } catch (error) {
    if (timeout.signal.aborted)
      return failed('TimedOut', `${describe(request, url)}: no answer within ${request.timeoutMs / 1000} s`);
    if (request.signal?.aborted) return failed('Cancelled', `${describe(request, url)}: ended by the engine`);
    if (isBadRequest(error)) return failed('BadRequest', `${describe(request, url)}: ${errorMessage(error)}`);
    return failed('Unreachable', `${describe(request, url)}: ${errorMessage(error)}`);
  } finally {
    timer.cancel();
    await dispatcher.destroy();
  }
}

interface Exchange {
  readonly url: URL;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

async function exchange(request: HttpRequest, { url, dispatcher, signal }: Exchange): Promise<HttpAnswer> {
  const response = await send(url, {
    dispatcher,
    signal,
    method: request.method as Dispatcher.HttpMethod, // as: undici's type lists the usual ones; it checks the token itself
    headers: { ...request.headers },
    body: request.body ?? null,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const text = new CappedText('start');
  for await (const chunk of response.body) {
    text.push(chunk);
    if (text.truncated) break;
  }
  return {
    kind: 'http',
    status: response.statusCode,
    headers: headersOf(response.headers),
    body: text.text(),
    truncated: text.truncated,
  };
}

/** Repeated headers as HTTP joins them. */
function headersOf(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value].flat().join(', ')]],
    ),
  );
}

/** Without its query and user, which may hold secrets. */
function describe({ method }: HttpRequest, url: URL): string {
  return `${method} ${url.origin}${url.pathname}`;
}

function isBadRequest(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'UND_ERR_INVALID_ARG';
}

function failed(reason: string, message: string): CallFailure {
  return { kind: 'failed', reason, message };
}
