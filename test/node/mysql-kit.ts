/** What the tests of MySQLCluster share: the resource and its state, and a client that counts what was acknowledged. */
import { eventually, type RunObject, read, requestRun } from './engine-kit.ts';
import { apply, execIn, kubectl } from './harness.ts';

const API_VERSION = 'databases.libretto.dev/v1alpha1';

export interface MySQLStatus {
  readonly primary: string;
  readonly epoch: number;
  readonly size: number;
  readonly image: string;
  readonly lastBackup: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

export interface MySQLCluster {
  readonly namespace: string;
  readonly name: string;
}

/** On the test image, with small logs and buffers. */
export async function putMySQL({ namespace, name }: MySQLCluster, spec: object): Promise<void> {
  const parameters = { innodb_log_file_size: '16M', innodb_buffer_pool_size: '32M' };
  const common = { image: 'databases:1', runAsUser: 997, storage: { size: '500Mi' }, parameters };
  await apply(namespace, {
    apiVersion: API_VERSION,
    kind: 'MySQLCluster',
    metadata: { name },
    spec: { ...common, ...spec },
  });
}

export async function changeMySQL({ namespace, name }: MySQLCluster, spec: object): Promise<void> {
  const patch = JSON.stringify({ spec });
  await kubectl(['patch', 'mysqlcluster', name, '-n', namespace, '--type=merge', '-p', patch]);
}

export async function statusOf({ namespace, name }: MySQLCluster): Promise<MySQLStatus> {
  return (await read<{ status: MySQLStatus }>(namespace, `mysqlcluster/${name}`)).status;
}

export interface Wish {
  readonly seconds?: number;
  readonly conditions?: readonly string[];
  readonly holds?: (status: MySQLStatus) => boolean;
}

/** Resolves once the conditions are True and `holds` for the status. */
export async function settled(at: MySQLCluster, wish: Wish = {}): Promise<MySQLStatus> {
  const { seconds = 580, conditions = ['Ready', 'Replicated'], holds = () => true } = wish;
  let last: MySQLStatus | undefined;
  const ask = async () => {
    const status = await statusOf(at);
    last = status;
    const isTrue = (type: string) => status.conditions?.find((one) => one.type === type)?.status === 'True';
    return conditions.every(isTrue) && holds(status) ? status : undefined;
  };
  try {
    return await eventually(`${at.name} in its state`, ask, seconds);
  } catch (error) {
    const runs = await kubectl(['get', 'actionruns', '-n', at.namespace, '-o', 'wide']);
    throw new Error(`${String(error)}\n${JSON.stringify(last, undefined, 1)}\n${runs}`, { cause: error });
  }
}

interface Pod {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}

/** The cluster's pods, in the order in which they were created. */
export async function podsOf({ namespace, name }: MySQLCluster) {
  const selector = `app.kubernetes.io/name=mysql,app.kubernetes.io/instance=${name}`;
  const text = await kubectl(['get', 'pods', '-n', namespace, '-l', selector, '-o', 'json']);
  const { items }: { items: readonly Pod[] } = JSON.parse(text);
  return items
    .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
    .map(({ metadata, spec }) => ({ name: metadata.name, image: spec.containers[0]?.image }));
}

export function secondsSince(began: number): number {
  return Math.round((Date.now() - began) / 100) / 10;
}

/** Requests an action and waits for its end. */
export function runAction(
  { namespace, name }: MySQLCluster,
  action: string,
  params?: Record<string, unknown>,
): Promise<RunObject> {
  return requestRun(namespace, { apiVersion: API_VERSION, kind: 'MySQLCluster', name }, action, params);
}

/** SQL in a pod, as the user who may do all; rows are lines, values are parted by tabs. */
export async function sql(at: MySQLCluster, pod: string, text: string): Promise<string> {
  const client = 'exec mariadb --no-defaults --socket=/run/mysql/mysqld.sock --skip-column-names --batch app';
  return (await execIn(at.namespace, pod, ['sh', '-c', client], text)).trim();
}

/** The same question in each pod, the replicas as soon as they have come as far as the primary; in the order of `pods`. */
export async function askAll(
  at: MySQLCluster,
  pods: readonly string[],
  question: string,
): Promise<readonly string[]> {
  const { primary } = await statusOf(at);
  const position = await sql(at, primary, 'SELECT @@gtid_current_pos');
  const wait = `SELECT MASTER_GTID_WAIT('${position}', 60) INTO @waited;`;
  return Promise.all(pods.map((pod) => sql(at, pod, pod === primary ? question : `${wait} ${question}`)));
}

/** Notes the number of each row whose INSERT was acknowledged, over a connection that stays open as long as it can. */
const WRITER = `
set -u
: > /tmp/acknowledged
export MYSQL_PWD="$password"
while [ ! -e /tmp/stop ]; do
  coproc DB { exec mariadb --no-defaults --host="$host" --user="$username" --connect-timeout=3 --skip-reconnect \\
    --unbuffered --skip-column-names --batch "$database" 2>> /tmp/refused; }
  pid=$DB_PID
  while [ ! -e /tmp/stop ]; do
    n=\${EPOCHREALTIME/[.,]/}
    echo "INSERT INTO writes (n) VALUES ($n); SELECT $n;" >&"\${DB[1]}" || break
    read -r -t 10 answer <&"\${DB[0]}" || break
    [ "$answer" = "$n" ] || break
    echo "$n" >> /tmp/acknowledged
    sleep 0.02
  done
  kill "$pid"
  wait "$pid"
  sleep 0.2
done 2> /dev/null
touch /tmp/stopped
sleep 100000
`;

export interface Written {
  readonly acknowledged: readonly string[];
  /** The longest time between two acknowledged writes. */
  readonly pauseSeconds: number;
}

export interface Writer {
  count(): Promise<number>;
  stop(): Promise<Written>;
}

let writers = 0;

/** A pod that knows of the cluster what its connection Secret says, and nothing else. */
export async function startWriter(at: MySQLCluster): Promise<Writer> {
  writers += 1;
  const pod = `writer-${writers}`;
  const container = {
    name: 'writer',
    image: 'databases:1',
    command: ['bash', '-c', WRITER],
    envFrom: [{ secretRef: { name: `${at.name}-connection` } }],
  };
  const spec = { terminationGracePeriodSeconds: 0, restartPolicy: 'Never', containers: [container] };
  await sql(at, (await statusOf(at)).primary, 'CREATE TABLE IF NOT EXISTS app.writes (n BIGINT PRIMARY KEY)');
  await apply(at.namespace, { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod }, spec });
  const count = async () =>
    Number(await execIn(at.namespace, pod, ['sh', '-c', 'wc -l < /tmp/acknowledged']));
  await eventually('the first acknowledged writes', async () => (await count()) > 20 || undefined);
  return {
    count,
    async stop() {
      await execIn(at.namespace, pod, ['touch', '/tmp/stop']);
      await eventually('the end of the writer', () =>
        execIn(at.namespace, pod, ['test', '-e', '/tmp/stopped']).then(() => true),
      );
      const acknowledged = (await execIn(at.namespace, pod, ['cat', '/tmp/acknowledged'])).trim().split('\n');
      await kubectl(['delete', 'pod', pod, '-n', at.namespace, '--wait=false']);
      return { acknowledged, pauseSeconds: longestPause(acknowledged) };
    },
  };
}

/** Of the acknowledged rows, how many each pod lacks. */
export async function missingIn(
  at: MySQLCluster,
  pods: readonly string[],
  acknowledged: readonly string[],
): Promise<readonly number[]> {
  const question = `SELECT COUNT(*) FROM app.writes WHERE n IN (${acknowledged.join(',')})`;
  return (await askAll(at, pods, question)).map((found) => acknowledged.length - Number(found));
}

function longestPause(numbers: readonly string[]): number {
  const times = numbers.map((number) => Number(number) / 1e6);
  const longest = times.reduce((most, time, i) => Math.max(most, time - (times[i - 1] ?? time)), 0);
  return Math.round(longest * 10) / 10;
}
