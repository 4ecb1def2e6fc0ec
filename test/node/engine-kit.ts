/**
 * What the tests of the shipped operators share: an engine of the test file's own on the node's cluster, with shipped
 * playbooks in one namespace; runs of actions; and the report, one line for each behaviour that real data went through.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, inject } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { createLogger, silentLogger } from '../../engine/base/logger.ts';
import { connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { startOperator } from '../../engine/operator/operator.ts';
import { libretto } from '../cli/libretto.ts';
import { describeOnNode, kubectl, testKubeconfigPath, testNamespace } from './harness.ts';
import type { Told } from './harness-setup.ts';

/** A namespace where an engine keeps the resources of shipped playbooks while the tests of a file run. */
export interface Site {
  /** Set once the first test runs. */
  readonly namespace: string;
  /** Another engine follows on the one that ends, after what happens while there is none. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
}

/**
 * `describeOnNode` with an engine beside it: it starts before the first test and ends after the last one, before the
 * namespace goes. LIBRETTO_TEST_LOG=debug shows what it does.
 */
export function describeOperator(
  name: string,
  playbooks: readonly string[],
  body: (site: Site) => void,
): void {
  describeOnNode(name, () => {
    let stop = async (): Promise<void> => undefined;
    const site = {
      namespace: '',
      async restart(meanwhile: () => Promise<void>) {
        await stop();
        await meanwhile();
        stop = await startEngine(site.namespace, playbooks);
      },
    };
    beforeAll(async () => {
      site.namespace = await testNamespace(playbooks[0]);
      stop = await startEngine(site.namespace, playbooks);
    });
    afterAll(async () => {
      await stop();
      tellReport(name);
    });
    body(site);
  });
}

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'engine/main.ts');

/** Of shipped playbooks by name; an absolute path stands for itself. */
function playbookFolders(playbooks: readonly string[]): readonly string[] {
  return playbooks.map((name) => resolve(ROOT, 'playbooks', name));
}

/**
 * Answers with what ends it. Each playbook is worked on as its own ServiceAccount, with the rights that `libretto rbac`
 * prints and no others, so that whatever the tests make it do proves them.
 */
export async function startEngine(
  namespace: string,
  playbooks: readonly string[],
): Promise<() => Promise<void>> {
  const log = process.env.LIBRETTO_TEST_LOG !== undefined;
  const logger = log ? createLogger({ level: 'debug' }) : silentLogger();
  const clock = systemClock();
  const kubeconfig = loadKubeConfig({ path: testKubeconfigPath() });
  const cluster = await connectCluster({ kubeconfig, clock, logger, userAgent: 'libretto/test' });
  await giveRights(namespace, playbooks);
  const operator = await startOperator({
    cluster,
    clock,
    logger,
    namespace,
    watchNamespaces: [namespace],
    playbookFolders: playbookFolders(playbooks),
    impersonate: true,
    instance: 'test',
  });
  await operator.ready;
  return async () => {
    await operator.stop();
    await cluster.close();
  };
}

/** As the documentation says. The tests' engine runs outside the cluster, beside its node. */
async function giveRights(namespace: string, playbooks: readonly string[]): Promise<void> {
  const where = ['--namespace', namespace, '--watch-namespaces', namespace, '--outside-cluster'];
  const { out, err, code } = await libretto('rbac', ...playbookFolders(playbooks), ...where);
  if (code !== 0) throw new Error(err);
  await kubectl(['apply', '-f', '-'], out);
}

/** An ActionRun, as far as the tests look at it. */
export interface RunObject {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly spec: {
    readonly action: string;
    readonly trigger?: string;
    /** Of `when`. */
    readonly value?: unknown;
    readonly resource: { readonly name: string };
    readonly parent?: { readonly name: string };
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
    readonly outputs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly failed?: { readonly step: string; readonly reason: string; readonly message: string };
    readonly steps?: readonly {
      readonly name: string;
      readonly phase: string;
      readonly rollback?: boolean;
      readonly startedAt?: string;
      readonly finishedAt?: string;
      readonly message?: string;
    }[];
  };
}

const ENDED = ['Succeeded', 'Failed', 'Aborted', 'Refused'];

/** Any object as kubectl reads it. */
export async function read<Kind>(namespace: string, what: string): Promise<Kind> {
  return JSON.parse(await kubectl(['get', what, '-n', namespace, '-o', 'json'])); // the caller names the kind
}

/** The runs of a resource's action that no other run made, oldest first. */
export async function runsOf(
  namespace: string,
  resource: string,
  action: string,
): Promise<readonly RunObject[]> {
  const { items } = await read<{ items: readonly RunObject[] }>(namespace, 'actionruns.libretto.dev');
  return items
    .filter(
      ({ spec }) => spec.resource.name === resource && spec.action === action && spec.parent === undefined,
    )
    .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
}

/** Creates an ActionRun as a user does, and waits for its end. */
export async function requestRun(
  namespace: string,
  { apiVersion, kind, name }: { readonly apiVersion: string; readonly kind: string; readonly name: string },
  action: string,
  params?: Readonly<Record<string, unknown>>,
): Promise<RunObject> {
  const run = `${name}-${action.toLowerCase()}-${randomBytes(3).toString('hex')}`;
  const spec = { resource: { apiVersion, kind, name }, action, ...(params === undefined ? {} : { params }) };
  const body = { apiVersion: 'libretto.dev/v1alpha1', kind: 'ActionRun', metadata: { name: run }, spec };
  await kubectl(['create', '-n', namespace, '-f', '-'], JSON.stringify(body));
  return endOfRun(namespace, run);
}

/** The run as it ended. */
export async function endOfRun(namespace: string, name: string): Promise<RunObject> {
  return eventually(`the end of run ${name}`, async () => {
    const run = await read<RunObject>(namespace, `actionrun.libretto.dev/${name}`);
    return ENDED.includes(run.status?.phase ?? '') ? run : undefined;
  });
}

/** Waits for the newest run of an action that holds and has ended. */
export async function newestRun(
  namespace: string,
  resource: string,
  action: string,
  holds: (run: RunObject) => boolean = () => true,
): Promise<RunObject> {
  return eventually(`a run of ${action} on ${resource}`, async () => {
    const found = (await runsOf(namespace, resource, action)).findLast(holds);
    return found !== undefined && ENDED.includes(found.status?.phase ?? '') ? found : undefined;
  });
}

/** Asks again until there is an answer; the test's own time limit ends it. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined>,
  seconds = 280,
): Promise<Answer> {
  const end = Date.now() + 1000 * seconds;
  let last = '';
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`waited ${seconds} s in vain for ${what}${last}`);
}

/** Seconds from a run's start to its end, or of one of its steps. */
export function secondsOf({ status }: RunObject, step?: string): number {
  const part = step === undefined ? status : status?.steps?.find(({ name }) => name === step);
  const took = Date.parse(part?.finishedAt ?? '') - Date.parse(part?.startedAt ?? '');
  return Math.round(took / 100) / 10;
}

export async function abortRun(namespace: string, name: string): Promise<void> {
  await kubectl([
    'patch',
    'actionrun',
    name,
    '-n',
    namespace,
    '--type=merge',
    '-p',
    '{"spec":{"abort":true}}',
  ]);
}

const told: string[] = [];

/** One line of the report: what was done, what data was checked, how long recovery took. */
export function report(done: string, data: string, recovery: number | string = '-'): void {
  told.push([done, data, typeof recovery === 'number' ? `${recovery} s` : recovery].join(' | '));
}

/** Hands over the lines since the last time: they are printed after the last test. */
export function tellReport(name: string): void {
  const group: Told = { name, lines: told.splice(0) };
  if (group.lines.length > 0) appendFileSync(inject('reportFile'), `${JSON.stringify(group)}\n`);
}

/** An engine as a process of its own, which a test may kill at any moment. */
export interface EngineProcess {
  kill(): Promise<void>;
}

/** `libretto run` on the node's cluster, for one namespace; resolves once it works. */
export async function spawnEngine(namespace: string, playbooks: readonly string[]): Promise<EngineProcess> {
  const flags = {
    kubeconfig: testKubeconfigPath(),
    namespace,
    'watch-namespaces': namespace,
    'http-port': '0',
    'leader-elect': 'false',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const folders = playbookFolders(playbooks).map((folder) => `--playbooks-dir=${folder}`);
  const child = spawn(process.execPath, [MAIN, 'run', ...args, ...folders], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stderr }))
    if (line.includes('"message":"ready"')) break;
  if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}`);
  child.stderr.resume();
  return {
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
