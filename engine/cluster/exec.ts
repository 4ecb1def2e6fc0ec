/**
 * A command in a container, over a WebSocket through the API server (subprotocols `v5.channel.k8s.io` of Kubernetes
 * 1.30, and `v4.channel.k8s.io` before, which can't end the input). Each message begins with its channel's number.
 *
 * Ending a call (timeout, abort) closes the connection; Kubernetes does not end the command in the container then.
 */
import type { WebSocket } from 'undici';
import type { Clock } from '../base/clock.ts';
import { isObject, type Json } from '../kube/object.ts';
import type { CallFailure, ExecAnswer, ExecRequest } from './api.ts';
import { CappedText } from './capped-text.ts';
import { ApiError, isNotFound, parseStatus } from './errors.ts';
import { parseJson } from './json.ts';
import type { Transport } from './transport.ts';

export interface ExecParts {
  readonly transport: Transport;
  readonly clock: Clock;
}

const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
/** v5: the channel named in the second byte is at its end. */
const CLOSE = 255;
const STDIN_CHUNK = 16 * 1024;
/** The status may overtake output that is still on its way; the server closes the connection after both. */
const AFTER_STATUS_MS = 2_000;

/** Rejects where the API server can't be asked for the pod. */
export async function execInPod(request: ExecRequest, parts: ExecParts): Promise<ExecAnswer> {
  const deadline = parts.clock.monotonic() + request.timeoutMs;
  const target = await findContainer(request, parts);
  if (target.kind === 'failed') return target;
  const path = execPath(request, target.container);
  request.beforeSend?.();
  const { beforeSend } = request;
  const protocols = request.stdin === undefined ? [V5, V4] : [V5];
  const socket = await parts.transport.socket({
    path,
    protocols,
    ...(beforeSend === undefined ? {} : { beforeSend }),
  });
  const timeoutMs = Math.max(0, deadline - parts.clock.monotonic());
  const end = await new ExecSession({ ...request, timeoutMs }, socket, parts.clock).ended;
  return end.kind === 'notOpened' ? await whyNotOpened(path, request, parts) : end;
}

function execPath(request: ExecRequest, container: string): string {
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true' });
  if (request.stdin !== undefined) query.set('stdin', 'true');
  for (const word of request.command) query.append('command', word);
  return `${podPath(request)}/exec?${query.toString()}`;
}

function podPath({ namespace, pod }: ExecRequest): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
}

type Target = { readonly kind: 'container'; readonly container: string } | CallFailure;

async function findContainer(request: ExecRequest, { transport }: ExecParts): Promise<Target> {
  const { signal, timeoutMs } = request;
  const read = { method: 'GET' as const, path: podPath(request), timeoutMs, ...(signal && { signal }) };
  try {
    return chooseContainer(await transport.json(read), request);
  } catch (error) {
    if (isNotFound(error)) return failed('PodNotFound', `there is no pod ${nameOf(request)}`);
    throw error;
  }
}

function chooseContainer(pod: Json, request: ExecRequest): Target {
  const { metadata, spec, status } = isObject(pod) ? pod : {};
  const containers = [...objects(spec, 'containers'), ...objects(spec, 'initContainers')];
  const annotations = isObject(metadata) && isObject(metadata['annotations']) ? metadata['annotations'] : {};
  const annotated = annotations['kubectl.kubernetes.io/default-container'];
  const first = containers[0]?.['name'];
  const container = request.container ?? (typeof annotated === 'string' ? annotated : String(first ?? ''));
  if (!containers.some((c) => c['name'] === container)) {
    const names = containers.map((c) => String(c['name'])).join(', ');
    return failed(
      'ContainerNotFound',
      `the pod ${nameOf(request)} has no container ${container}; it has ${names}`,
    );
  }
  const states = [...objects(status, 'containerStatuses'), ...objects(status, 'initContainerStatuses')];
  const state = states.find((s) => s['name'] === container)?.['state'];
  if (isObject(state) && isObject(state['running'])) return { kind: 'container', container };
  return failed(
    'PodNotRunning',
    `${container} of the pod ${nameOf(request)} ${describeState(status, state)}`,
  );
}

function objects(value: unknown, field: string): readonly Record<string, unknown>[] {
  const list: unknown = isObject(value) ? value[field] : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function describeState(status: unknown, state: unknown): string {
  const [name, detail] = isObject(state) ? (Object.entries(state)[0] ?? []) : [];
  const reason = isObject(detail) && typeof detail['reason'] === 'string' ? ` (${detail['reason']})` : '';
  if (name !== undefined) return `is ${name}${reason}, not running`;
  const phase = isObject(status) ? status['phase'] : undefined;
  return `does not run: the pod is ${typeof phase === 'string' ? phase : 'not started'}`;
}

function nameOf({ namespace, pod }: ExecRequest): string {
  return `${namespace}/${pod}`;
}

function failed(reason: string, message: string): CallFailure {
  return { kind: 'failed', reason, message };
}

/** A refused upgrade has no readable answer; the same GET without it meets the same checks, then 400. */
async function whyNotOpened(
  path: string,
  request: ExecRequest,
  { transport }: ExecParts,
): Promise<CallFailure> {
  const where = `exec in the pod ${nameOf(request)}`;
  try {
    await transport.text({ method: 'GET', path, retry: false });
  } catch (error) {
    if (isNotFound(error)) return failed('PodNotFound', `there is no pod ${nameOf(request)} any more`);
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
  }
  return failed('Unreachable', `${where}: the API server did not open a connection (${V5})`);
}

type End = ExecAnswer | { readonly kind: 'notOpened' };

/** One connection, from its opening to its end. */
class ExecSession {
  readonly ended: Promise<End>;
  private readonly request: ExecRequest;
  private readonly socket: WebSocket;
  private readonly clock: Clock;
  private readonly stdout = new CappedText('start');
  private readonly stderr = new CappedText('end');
  private readonly finishing = Promise.withResolvers<End>();
  private readonly cleanUps: (() => void)[] = [];
  private opened = false;
  private status: string | undefined;

  constructor(request: ExecRequest, socket: WebSocket, clock: Clock) {
    this.request = request;
    this.socket = socket;
    this.clock = clock;
    this.ended = this.finishing.promise;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => this.open());
    socket.addEventListener('message', ({ data }) => this.take(data));
    socket.addEventListener('close', () => this.closed());
    socket.addEventListener('error', () => undefined); // a close follows
    this.watchEnds();
  }

  private watchEnds(): void {
    const { signal, timeoutMs } = this.request;
    const seconds = Math.ceil(timeoutMs / 1000);
    const late = `the command did not end within ${seconds} s; it may still run in the container`;
    const timer = this.clock.after(timeoutMs, () => this.finish(failed('TimedOut', late)));
    const abort = (): void =>
      this.finish(failed('Cancelled', 'the call was ended; the command may still run in the container'));
    this.cleanUps.push(
      () => timer.cancel(),
      () => signal?.removeEventListener('abort', abort),
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  }

  private open(): void {
    this.opened = true;
    const { stdin } = this.request;
    if (stdin === undefined) return;
    const bytes = Buffer.from(stdin, 'utf8');
    for (let at = 0; at < bytes.length; at += STDIN_CHUNK) {
      this.socket.send(Buffer.concat([Buffer.from([STDIN]), bytes.subarray(at, at + STDIN_CHUNK)]));
    }
    this.socket.send(Buffer.from([CLOSE, STDIN]));
  }

  private take(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    const bytes = Buffer.from(data);
    const rest = bytes.subarray(1);
    if (bytes[0] === STDOUT) this.stdout.push(rest);
    if (bytes[0] === STDERR) this.stderr.push(rest);
    if (bytes[0] !== ERROR || rest.length === 0) return;
    this.status = rest.toString('utf8');
    const timer = this.clock.after(AFTER_STATUS_MS, () => this.closed());
    this.cleanUps.push(() => timer.cancel());
  }

  private closed(): void {
    if (this.status !== undefined) this.finish(this.judge(this.status));
    else if (this.opened)
      this.finish(failed('Unreachable', 'the connection ended before the command did; it may still run'));
    else this.finish({ kind: 'notOpened' });
  }

  private judge(text: string): ExecAnswer {
    const exitCode = exitCodeOf(text);
    if (typeof exitCode !== 'number') return exitCode;
    const { stdout, stderr } = this;
    return {
      kind: 'exec',
      exitCode,
      stdout: stdout.text(),
      stderr: stderr.text(),
      truncated: stdout.truncated || stderr.truncated,
    };
  }

  private finish(end: End): void {
    for (const cleanUp of this.cleanUps.splice(0)) cleanUp();
    this.finishing.resolve(end);
    this.socket.close();
  }
}

/** metav1.Status of the error channel: Success, or Failure with the exit code as a cause (NonZeroExitCode). */
function exitCodeOf(text: string): number | CallFailure {
  const value = tryParse(text);
  if (isObject(value) && value['status'] === 'Success') return 0;
  const status = parseStatus(isObject(value) ? { kind: 'Status', ...value } : undefined);
  const cause = status?.details.causes.find(({ reason }) => reason === 'ExitCode');
  const exitCode = Number(cause?.message);
  if (cause !== undefined && Number.isInteger(exitCode)) return exitCode;
  return failed('ExecFailed', status?.message || text);
}

function tryParse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
