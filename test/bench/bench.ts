/**
 * `npm run bench -- --size 200 --json FILE`: what the engine costs, on a control plane of its own whose pods KWOK plays,
 * beside a bare client that creates the same children there in the same run. Prints a table, and JSON into FILE. Nothing
 * is asserted: a machine's speed is no property of the engine, so that only ratios and counts can be compared.
 */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../engine/base/clock.ts';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import { AuditLog } from './audit.ts';
import { EngineProcess } from './engine-process.ts';
import { difference, type Figures, table } from './figures.ts';
import { measureRepairs } from './repair.ts';
import { createNamespace, namesOf } from './trio.ts';
import { usageOf } from './usage.ts';
import { bareWave, engineWave, type Wave } from './wave.ts';

interface Arguments {
  readonly size: number;
  readonly json: string | undefined;
  readonly restSeconds: number;
}

/** What every part of the bench works with. */
interface Stage {
  readonly plane: ControlPlane;
  readonly cluster: Cluster;
  readonly audit: AuditLog;
  readonly names: readonly string[];
}

const HELP = `npm run bench -- [--size N] [--json FILE] [--rest SECONDS]

  --size N         resources to create (default 200)
  --json FILE      write all figures there
  --rest SECONDS   how long to watch the engine at rest (default 60)
`;

const ENGINE_NAMESPACE = 'libretto-system';
const NAMESPACE = 'bench';
const WARM_UP = 10;
const MOST_REPAIRS = 200;
/** No pass and no request for so long: all is done. Discovery looks up to 5 s after its last look for what CRDs changed. */
const QUIET_MS = 6_000;

const args = readArguments();
if (args === undefined) process.stdout.write(HELP);
else await main(args);

function readArguments(): Arguments | undefined {
  const string = { type: 'string' } as const;
  const options = { size: string, json: string, rest: string, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  if (values.help === true) return undefined;
  return {
    size: positive('--size', values.size ?? '200'),
    json: values.json,
    restSeconds: positive('--rest', values.rest ?? '60'),
  };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${flag} ${text}: a whole number above 0 is needed`);
}

async function main({ size, json, restSeconds }: Arguments): Promise<void> {
  const plane = await startControlPlane({ kwokNodes: 1, auditLog: true });
  const running: { engine?: EngineProcess } = {};
  const end = async (): Promise<void> => {
    await running.engine?.stop();
    await plane.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().then(() => process.exit(130)));
  try {
    const stage = await setUp(plane, size);
    const figures = await measure(stage, restSeconds, running);
    process.stdout.write(`${table(figures)}\n`);
    if (json !== undefined) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`);
    await stage.cluster.close();
  } finally {
    await end();
  }
}

async function setUp(plane: ControlPlane, size: number): Promise<Stage> {
  if (plane.auditLogPath === undefined) throw new Error('the control plane keeps no audit log');
  const cluster = await connectCluster({
    kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }),
    clock: systemClock(),
    logger: silentLogger(),
    userAgent: 'bench',
  });
  await createNamespace(cluster, ENGINE_NAMESPACE);
  return { plane, cluster, audit: new AuditLog(plane.auditLogPath, 'libretto/'), names: namesOf(size) };
}

/** The floor before and after the engine, so that a machine that grows slower or faster shows. */
async function measure(
  stage: Stage,
  restSeconds: number,
  running: { engine?: EngineProcess },
): Promise<Figures> {
  const { cluster, names, plane } = stage;
  await floor(stage, 'warm-up', names.slice(0, WARM_UP));
  const before = await floor(stage, 'floor-1', names);
  tell('the engine starts');
  running.engine = await EngineProcess.start(plane);
  await cluster.discovery.refresh();
  const engine = await measureWave(stage, running.engine);
  const rest = await measureRest(stage, running.engine, restSeconds);
  const repair = await measureDrift(stage, running.engine);
  tell('the engine is started anew');
  await running.engine.stop();
  const mark = await stage.audit.mark();
  const begun = performance.now();
  running.engine = await EngineProcess.start(plane);
  const readySeconds = (performance.now() - begun) / 1000;
  await comesToRest(stage.audit, running.engine);
  const restart = { readySeconds, requests: await stage.audit.since(mark), usage: running.engine.usage };
  await running.engine.stop();
  const repairFloor = await driftFloor(stage);
  const floors: [Wave, Wave] = [before, await floor(stage, 'floor-2', names)];
  const size = names.length;
  return {
    size,
    machine: machine(cluster),
    floors,
    engine,
    rest,
    repair: { ...repair, floor: repairFloor },
    restart,
  };
}

/** Leaves nothing behind: what it made is deleted, and so are its pods. */
async function floor({ cluster }: Stage, namespace: string, names: readonly string[]): Promise<Wave> {
  tell(`the bare client: ${namespace}`);
  const wave = await bareWave({ cluster, namespace, names });
  await removeNamespace(cluster, namespace);
  return wave;
}

async function measureWave(
  { plane, cluster, audit, names }: Stage,
  engine: EngineProcess,
): Promise<Figures['engine']> {
  const apiServer = plane.processes.get('kube-apiserver')?.pid ?? -1;
  await comesToRest(audit, engine);
  tell('the engine works');
  const mark = await audit.mark();
  const [idle, apiServerIdle] = [engine.usage, usageOf(apiServer)];
  const wave = await engineWave({ cluster, namespace: NAMESPACE, names });
  await comesToRest(audit, engine);
  return {
    wave,
    requests: await audit.since(mark),
    idle,
    after: engine.usage,
    apiServerCpuSeconds: difference(apiServerIdle, usageOf(apiServer)),
  };
}

async function comesToRest(audit: AuditLog, engine: EngineProcess): Promise<void> {
  for (let requests = 1; requests > 0; ) {
    const mark = await audit.mark();
    await engine.quiet(QUIET_MS);
    const { reads, writes } = await audit.since(mark);
    requests = reads + writes;
  }
}

async function measureRest(
  { audit }: Stage,
  engine: EngineProcess,
  seconds: number,
): Promise<Figures['rest']> {
  tell(`the engine rests for ${seconds} s`);
  const mark = await audit.mark();
  const before = engine.usage;
  await sleep(seconds * 1000);
  return { seconds, requests: await audit.since(mark), cpuSeconds: difference(before, engine.usage) };
}

async function measureDrift(
  { cluster, audit, names }: Stage,
  engine: EngineProcess,
): Promise<Omit<Figures['repair'], 'floor'>> {
  tell('children are broken');
  const mark = await audit.mark();
  const repairs = await measureRepairs({
    ...{ cluster, namespace: NAMESPACE, mend: false },
    names: names.slice(0, MOST_REPAIRS),
  });
  await comesToRest(audit, engine);
  return { engine: repairs, requests: await audit.since(mark) };
}

async function driftFloor({ cluster, names }: Stage): Promise<Figures['repair']['floor']> {
  const namespace = 'repair-floor';
  const few = names.slice(0, MOST_REPAIRS);
  await bareWave({ cluster, namespace, names: few });
  const repairs = await measureRepairs({ cluster, namespace, names: few, mend: true });
  await removeNamespace(cluster, namespace);
  return repairs;
}

async function removeNamespace(cluster: Cluster, name: string): Promise<void> {
  const ref = { group: '', version: 'v1', kind: 'Namespace', name };
  await cluster.client.delete(ref, {});
  while ((await cluster.client.get(ref)) !== undefined) await sleep(250);
}

function machine(cluster: Cluster): Figures['machine'] {
  const [load = Number.NaN] = loadavg();
  const kubernetes = cluster.discovery.kubernetesVersion;
  return { node: process.version, kubernetes, cpus: cpus().length, load };
}

function tell(what: string): void {
  process.stderr.write(`${what} …\n`);
}
