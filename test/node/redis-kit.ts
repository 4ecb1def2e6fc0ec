/** What the tests of RedisInstance share: the resource and its state, and clients that count what was acknowledged. */
import { eventually, type RunObject, read, requestRun } from './engine-kit.ts';
import { apply, execIn, kubectl } from './harness.ts';

const API_VERSION = 'databases.libretto.dev/v1alpha1';

export interface RedisStatus {
  readonly primary?: string;
  readonly epoch?: number;
  readonly size?: number;
  readonly lastBackup?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

export interface RedisInstance {
  readonly namespace: string;
  readonly name: string;
}

export async function putRedis({ namespace, name }: RedisInstance, spec: object): Promise<void> {
  await apply(namespace, {
    apiVersion: API_VERSION,
    kind: 'RedisInstance',
    metadata: { name },
    spec: { image: 'databases:1', runAsUser: 998, storage: { size: '100Mi' }, ...spec },
  });
}

/** Lets all of them go while the engine is there: what it holds by a finalizer would keep the namespace for ever. */
export async function removeAll(namespace: string): Promise<void> {
  await kubectl(['delete', 'redisinstance', '--all', '-n', namespace, '--timeout=120s']);
}

export async function statusOf({ namespace, name }: RedisInstance): Promise<RedisStatus> {
  return (await read<{ status?: RedisStatus }>(namespace, `redisinstance/${name}`)).status ?? {};
}

export async function primaryOf(at: RedisInstance): Promise<string> {
  return (await statusOf(at)).primary ?? '';
}

/** Resolves once the instance is Ready, each replica follows the primary, and `holds` for the status. */
export async function redisIs(
  at: RedisInstance,
  holds: (status: RedisStatus) => boolean = () => true,
): Promise<RedisStatus> {
  let last: RedisStatus = {};
  const isTrue = (type: string) => last.conditions?.find((each) => each.type === type)?.status === 'True';
  const ask = async () => {
    last = await statusOf(at);
    return isTrue('Ready') && isTrue('Replicated') && holds(last) ? last : undefined;
  };
  try {
    return await eventually(`${at.name} in its state`, ask);
  } catch (error) {
    const runs = await kubectl(['get', 'actionruns', '-n', at.namespace, '-o', 'wide']);
    throw new Error(`${String(error)}\n${JSON.stringify(last, undefined, 1)}\n${runs}`, { cause: error });
  }
}

export async function changeRedis({ namespace, name }: RedisInstance, spec: object): Promise<void> {
  const patch = JSON.stringify({ spec });
  await kubectl(['patch', 'redisinstance', name, '-n', namespace, '--type=merge', '-p', patch]);
}

export interface RedisPod {
  readonly name: string;
  readonly created: string;
  readonly image: string;
}

/** The instance's pods, by name. */
export async function podsOf({ namespace, name }: RedisInstance): Promise<readonly RedisPod[]> {
  const selector = `app.kubernetes.io/name=redis,app.kubernetes.io/instance=${name}`;
  const output = `-o=jsonpath={range .items[*]}{.metadata.name} {.metadata.creationTimestamp} {.spec.containers[0].image}{"\\n"}{end}`;
  const text = await kubectl(['get', 'pods', '-n', namespace, '-l', selector, output]);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [pod = '', created = '', image = ''] = line.split(' ');
    return { name: pod, created, image };
  });
}

/** For `newestRun`. */
export const hasSucceeded = ({ status }: RunObject): boolean => status?.phase === 'Succeeded';

/** Requests an action and waits for its end. */
export function runAction(
  { namespace, name }: RedisInstance,
  action: string,
  params?: Readonly<Record<string, unknown>>,
): Promise<RunObject> {
  return requestRun(namespace, { apiVersion: API_VERSION, kind: 'RedisInstance', name }, action, params);
}

/** The time to recovery that a drill told in its status. */
export function recoveryOf({ status }: RunObject): number {
  const seconds = status?.outputs?.verify?.seconds;
  if (typeof seconds !== 'number')
    throw new Error(`no time to recovery in ${JSON.stringify(status?.outputs)}`);
  return seconds;
}

/** A redis-cli command in a pod, over its own connection. */
export async function redis(
  { namespace }: RedisInstance,
  pod: string,
  ...command: string[]
): Promise<string> {
  const script = 'export REDISCLI_AUTH=$(cat /etc/redis-password/password); exec timeout 10 redis-cli "$@"';
  return (await execIn(namespace, pod, ['sh', '-c', script, 'sh', ...command])).trim();
}

/** `master` or `slave`, as Redis says it. */
export async function roleOf(at: RedisInstance, pod: string): Promise<string> {
  return (await redis(at, pod, 'role')).split('\n')[0] ?? '';
}

/** True once the pod follows the primary and has its data; for `eventually`. */
export async function isBack(at: RedisInstance, pod: string, primary: string): Promise<true | undefined> {
  const [role, host = '', , state] = (await redis(at, pod, 'role')).split('\n');
  return role === 'slave' && host.startsWith(`${primary}.`) && state === 'connected' ? true : undefined;
}

export function secondsSince(began: number): number {
  return Math.round((Date.now() - began) / 100) / 10;
}

/**
 * One client for the Service and one for each pod: they write over connections that they keep while these last, and note
 * each write that the primary and a replica acknowledged, with the times of its request and its acknowledgement.
 */
const CLIENTS = `
write() {
  timeout 2 bash -c 'exec 3<>/dev/tcp/$1/6379' sh $1 || exit 1 # bash connects without a time limit
  exec 3<>/dev/tcp/$1/6379 || exit 1
  printf 'AUTH %s\\r\\n' "$PW" >&3
  read -r -t 3 answer <&3 || exit 1
  while [ ! -e /tmp/stop ]; do
    key=w:$2:$(date +%s%N)
    printf 'SET %s 1\\r\\nWAIT 1 1000\\r\\n' "$key" >&3 || exit 1
    read -r -t 3 written <&3 || exit 1
    read -r -t 3 taken <&3 || exit 1
    case "$written $taken" in
      +OK*:[1-9]*) echo "$key $(date +%s%N)" >> "/tmp/acked.$2" ;;
      *) echo "$written $taken" >> "/tmp/refused.$2"; exit 1 ;;
    esac
    sleep 0.02
  done
}
export -f write
for at in $PODS service; do
  if [ $at = service ]; then host=$NAME; else host=$at.$NAME-pods; fi
  while [ ! -e /tmp/stop ]; do timeout 600 bash -c 'write "$@"' sh $host $at; sleep 0.2; done 2>/dev/null &
done
wait
touch /tmp/stopped
sleep 100000
`;

export interface Written {
  readonly acknowledged: number;
  /** How many of them are not there now. */
  readonly missing: number;
  /** The pods that acknowledged writes, in the order of time; a pod stands twice when another did between. */
  readonly turns: readonly string[];
  /** When each pod acknowledged its first write, in seconds of the epoch. */
  readonly first: Readonly<Record<string, number>>;
  /** The longest time without an acknowledged write over the Service. */
  readonly pauseSeconds: number;
}

export interface Writer {
  /** Waits for a write through the Service that was requested after the call, then stops and counts. */
  stop(primary: string): Promise<Written>;
}

let writers = 0;

export async function startWriter(at: RedisInstance, pods: readonly string[]): Promise<Writer> {
  writers += 1;
  const { namespace, name } = at;
  const pod = `writer-${writers}`;
  const password = { secretKeyRef: { name: `${name}-password`, key: 'password' } };
  const env = [
    { name: 'NAME', value: name },
    { name: 'PODS', value: pods.join(' ') },
    { name: 'PW', valueFrom: password },
  ];
  const container = { name: 'writer', image: 'databases:1', command: ['bash', '-c', CLIENTS], env };
  const spec = { terminationGracePeriodSeconds: 0, restartPolicy: 'Never', containers: [container] };
  await apply(namespace, { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod }, spec });
  const count = async () => Number(await execIn(namespace, pod, ['sh', '-c', 'wc -l < /tmp/acked.service']));
  const more = async () => {
    const before = await count().catch(() => 0);
    await eventually('acknowledged writes', async () => ((await count()) > before + 20 ? true : undefined));
  };
  await more();
  return {
    async stop(primary) {
      await more();
      await execIn(namespace, pod, ['touch', '/tmp/stop']);
      await eventually('the end of the writers', () =>
        execIn(namespace, pod, ['test', '-e', '/tmp/stopped']).then(() => true),
      );
      const text = await execIn(namespace, pod, ['sh', '-c', 'cat /tmp/acked.*']);
      await kubectl(['delete', 'pod', pod, '-n', namespace, '--wait=false']);
      return writtenOf(at, primary, text.trim().split('\n'));
    },
  };
}

/** A noted write: who took it, and when. */
interface Note {
  readonly key: string;
  readonly from: string;
  readonly requested: number;
  readonly acknowledged: number;
}

async function writtenOf(at: RedisInstance, primary: string, lines: readonly string[]): Promise<Written> {
  const notes = lines.map((line): Note => {
    const [key = '', acknowledged] = line.split(' ');
    const [, from = '', requested] = key.split(':');
    return { key, from, requested: Number(requested) / 1e9, acknowledged: Number(acknowledged) / 1e9 };
  });
  notes.sort((a, b) => a.acknowledged - b.acknowledged);
  const missing = notes.length - (await presentKeys(at, primary, notes));
  const first: Record<string, number> = {};
  for (const { from, acknowledged } of notes) first[from] ??= acknowledged;
  const direct = notes.filter(({ from }) => from !== 'service').map(({ from }) => from);
  const turns = direct.filter((from, i) => from !== direct[i - 1]);
  const times = notes.filter(({ from }) => from === 'service').map(({ acknowledged }) => acknowledged);
  const pauses = times.map((time, i) => time - (times[i - 1] ?? time));
  const pauseSeconds = Math.round(10 * Math.max(...pauses)) / 10;
  return { acknowledged: notes.length, missing, turns, first, pauseSeconds };
}

/**
 * A client in the pod itself, which no NetworkPolicy cuts off: it asks for no replica, notes each answer on the pod's disk,
 * and ends with the container.
 */
export async function writeWithin({ namespace }: RedisInstance, pod: string): Promise<void> {
  const script = `export REDISCLI_AUTH=$(cat /etc/redis-password/password)
    while :; do
      answer=$(timeout 5 redis-cli set within 1 2>&1)
      echo "$(date +%s.%N) $answer"
      sleep 0.1
    done > /data/within.log 2> /dev/null < /dev/null &`;
  await execIn(namespace, pod, ['sh', '-c', script]);
}

/** What the client within a pod was told before the pod went. */
export async function writtenWithin({ namespace }: RedisInstance, pod: string) {
  const text = await execIn(namespace, pod, ['cat', '/data/within.log']);
  const answers = text.split('\n').flatMap((line) => {
    const [, time, answer] = /^([0-9.]+) (.+)$/.exec(line) ?? [];
    return answer === undefined ? [] : [{ time: Number(time), answer }];
  });
  const taken = answers.filter(({ answer }) => answer === 'OK');
  const refusals = answers.filter(({ answer }) => answer !== 'OK').map(({ answer }) => answer);
  return { taken: taken.length, lastTaken: taken.at(-1)?.time ?? 0, refusals };
}

async function presentKeys(at: RedisInstance, pod: string, notes: readonly Note[]): Promise<number> {
  const script = 'export REDISCLI_AUTH=$(cat /etc/redis-password/password); redis-cli | grep -c "^1" || true';
  const commands = notes.map(({ key }) => `EXISTS ${key}`).join('\n');
  return Number(await execIn(at.namespace, pod, ['sh', '-c', script], `${commands}\n`));
}

/** For the report. */
export function toldOf({ acknowledged, missing, turns, pauseSeconds }: Written): string {
  return `${acknowledged} writes acknowledged by ${turns.join(', then ')}, ${missing} missing, ${pauseSeconds} s without one`;
}
