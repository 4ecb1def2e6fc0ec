/**
 * What it costs that each playbook reads as its own ServiceAccount (docs/adr/0112): three shipped playbooks with so many
 * resources each, and the engine started anew beside them, by turns as itself and with --impersonate. Prints resident
 * memory and open watches of each, and their ratio; asserts nothing.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { createAdminClient } from '../../engine/embedded/admin-client.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import type { JsonObject } from '../../engine/kube/object.ts';
import { libretto } from '../cli/libretto.ts';
import { EngineProcess } from './engine-process.ts';

const PLAYBOOKS = ['memcached', 'webapp', 'redis'];
const FOLDERS = PLAYBOOKS.map((name) => join(import.meta.dirname, '../../playbooks', name));
const NAMESPACE = 'libretto-system';
const ROUNDS = 3;
const WRITE = { fieldManager: 'bench' };

interface Figures {
  readonly memoryMiB: number;
  readonly watches: number;
}

async function main(size: number): Promise<void> {
  const plane = await startControlPlane({ kwokNodes: 1 });
  try {
    const cluster = await connectCluster({
      kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }),
      clock: systemClock(),
      logger: silentLogger(),
      userAgent: 'bench',
    });
    await setUp(cluster, plane, size);
    const before = await openWatches(plane);
    const rounds: { own: Figures; accounts: Figures }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const own = await measure(plane, { impersonate: false, before });
      rounds.push({ own, accounts: await measure(plane, { impersonate: true, before }) });
    }
    tell(size, rounds);
    await cluster.close();
  } finally {
    await plane.stop();
  }
}

/** Accounts with their rights, and resources that are all Ready before anything is measured. */
async function setUp(cluster: Cluster, plane: ControlPlane, size: number): Promise<void> {
  await create(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const { out } = await libretto('rbac', '--engine', '--impersonate', ...FOLDERS, '--output', 'json');
  const { items }: { items: readonly JsonObject[] } = JSON.parse(out);
  for (const item of items) await create(cluster, item);
  const engine = await EngineProcess.start({ ...plane, playbookFolders: FOLDERS, leaderElect: false });
  await cluster.discovery.refresh();
  for (let i = 0; i < size; i++) for (const body of resources(i)) await create(cluster, body);
  await engine.quiet(5_000);
  await engine.stop();
}

function resources(i: number): readonly JsonObject[] {
  const metadata = { namespace: 'default' };
  return [
    {
      apiVersion: 'cache.example.com/v1',
      kind: 'Memcached',
      metadata: { ...metadata, name: `cache-${i}` },
      spec: { size: 1 },
    },
    {
      apiVersion: 'web.libretto.dev/v1alpha1',
      kind: 'WebApp',
      metadata: { ...metadata, name: `web-${i}` },
      spec: { image: 'docker.io/library/nginx:1.29', port: 80, replicas: 1 },
    },
    {
      apiVersion: 'databases.libretto.dev/v1alpha1',
      kind: 'RedisInstance',
      metadata: { ...metadata, name: `queue-${i}` },
      spec: { storage: { size: '1Gi' } },
    },
  ];
}

async function create(cluster: Cluster, body: JsonObject): Promise<void> {
  await cluster.client.create(body, WRITE);
}

async function measure(
  plane: ControlPlane,
  { impersonate, before }: { readonly impersonate: boolean; readonly before: number },
): Promise<Figures> {
  const engine = await EngineProcess.start({
    ...plane,
    playbookFolders: FOLDERS,
    leaderElect: false,
    impersonate,
  });
  await engine.quiet(5_000);
  const memoryMiB = (engine.usage?.residentBytes ?? Number.NaN) / 2 ** 20;
  const watches = (await openWatches(plane)) - before;
  await engine.stop();
  return { memoryMiB, watches };
}

/** Of all clients; the API server's own gauge. */
async function openWatches({ server, caData, admin }: ControlPlane): Promise<number> {
  const client = createAdminClient({ server, caData, credentials: admin });
  const { text } = await client.send('GET', '/metrics');
  client.close();
  const lines = text
    .split('\n')
    .filter((line) => /^apiserver_longrunning_requests\{.*verb="WATCH"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function tell(size: number, rounds: readonly { readonly own: Figures; readonly accounts: Figures }[]): void {
  const memory = (of: Figures): string => `${of.memoryMiB.toFixed(0)} MiB`;
  const lines = rounds.map(({ own, accounts }, i) =>
    [
      `round ${i + 1}`,
      `memory ${memory(own)} → ${memory(accounts)} (${(accounts.memoryMiB / own.memoryMiB).toFixed(2)} ×)`,
      `watches ${own.watches} → ${accounts.watches} (${(accounts.watches / own.watches).toFixed(2)} ×)`,
    ].join('   '),
  );
  const what = `${PLAYBOOKS.join(', ')} with ${size} resources each; as itself → with --impersonate`;
  process.stdout.write(`${[what, ...lines].join('\n')}\n`);
}

const { values } = parseArgs({ options: { size: { type: 'string', default: '100' } } });
await main(Number(values.size));
