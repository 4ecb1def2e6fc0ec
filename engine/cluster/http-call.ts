/**
 * One HTTP request to an application. Its connections are its own: no credentials of the cluster go with it, and no
 * redirect is followed, so that nothing is sent to a host that nobody named. Where the engine runs outside the cluster
 * and a Service's name means nothing, the request goes through the API server's proxy.
 */
import { Agent, type Dispatcher, request as send } from 'undici';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { CallFailure, HttpAnswer, HttpRequest } from './api.ts';
import { CappedText } from './capped-text.ts';
import { proxyPath, proxyRefusal } from './service-proxy.ts';
import type { Exchange, HttpMethod, Transport } from './transport.ts';

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
    return await readAnswer(await reach(request, { url, dispatcher, signal }, parts));
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

interface Way {
  readonly url: URL;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

async function reach(request: HttpRequest, way: Way, parts: HttpCallParts): Promise<Exchange> {
  try {
    return await direct(request, way);
  } catch (error) {
    const path = isUnknownHost(error) ? proxyPath(way.url) : undefined;
    if (path === undefined) throw error;
    return await throughProxy(request, { path, signal: way.signal }, parts);
  }
}

async function throughProxy(
  request: HttpRequest,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
  { transport }: HttpCallParts,
): Promise<Exchange> {
  const refusal = proxyRefusal(request);
  if (refusal !== undefined) throw new Error(refusal);
  const { method, headers, body: text, timeoutMs, beforeSend } = request;
  return await transport.exchange({
    method: method as HttpMethod, // as: the server refuses a method that it does not know
    path,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    timeoutMs,
    signal,
    ...(text === undefined ? {} : { text }),
    ...(beforeSend === undefined ? {} : { beforeSend }),
  });
}

async function direct(request: HttpRequest, { url, dispatcher, signal }: Way): Promise<Exchange> {
  const { statusCode, headers, body } = await send(url, {
    dispatcher,
    signal,
    method: request.method as Dispatcher.HttpMethod, // as: undici's type lists the usual ones; it checks the token itself
    headers: { ...request.headers },
    body: request.body ?? null,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return { status: statusCode, headers, body };
}

async function readAnswer(response: Exchange): Promise<HttpAnswer> {
  const text = new CappedText('start');
  for await (const chunk of response.body) {
    text.push(chunk);
    if (text.truncated) break;
  }
  return {
    kind: 'http',
    status: response.status,
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

function isUnknownHost(error: unknown): boolean {
  return error instanceof Error && ['ENOTFOUND', 'EAI_AGAIN'].includes(String(Reflect.get(error, 'code')));
}

function isBadRequest(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'UND_ERR_INVALID_ARG';
}

function failed(reason: string, message: string): CallFailure {
  return { kind: 'failed', reason, message };
}
