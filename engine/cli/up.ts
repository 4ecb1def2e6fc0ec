/**
 * `libretto up`: a control plane of its own, the engine, the shipped playbooks as labelled ConfigMaps, their samples,
 * and a live table of them. It touches no cluster but its own, and ends every process that it started.
 */
import { fileURLToPath } from 'node:url';
import { pause } from '../base/clock.ts';
import { formatDiagnostic } from '../base/diagnostic.ts';
import { EngineError } from '../base/errors.ts';
import { createLogger } from '../base/logger.ts';
import { createMetrics } from '../base/metrics.ts';
import type { Cluster } from '../cluster/api.ts';
import { connectCluster } from '../cluster/connect.ts';
import { loadKubeConfig } from '../cluster/kubeconfig.ts';
import type { ControlPlane } from '../embedded/control-plane.ts';
import { type FolderContent, readPlaybookFolders } from '../operator/folder-files.ts';
import { type Operator, startOperator } from '../operator/operator.ts';
import { createRestMetrics } from '../operator/rest-metrics.ts';
import { defineCommand, type ExitCode } from './command.ts';
import type { Flags, FlagValues } from './flags.ts';
import { DEFAULT_NAMESPACE } from './run.ts';
import { runSession, type Session, seconds, startPlane, untilAborted } from './session.ts';
import type { Terminal } from './terminal.ts';
import { createProgressLine } from './up-progress.ts';
import { applySamples, ensureNamespace, installPlaybook, type SampleResult } from './up-samples.ts';
import { createSampleWatch } from './up-watch.ts';
import { VERSION } from './version.ts';

const SHIPPED = fileURLToPath(new URL('../../playbooks', import.meta.url));

const FLAGS = {
  once: {
    type: 'boolean',
    default: false,
    help: 'end when all samples are Ready (0), or with the reasons why not (1)',
  },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    default: 180,
    min: 1,
    help: 'how long it waits for the samples',
  },
  'playbooks-dir': {
    type: 'string',
    value: 'FOLDER',
    help: 'playbooks to install instead of the shipped ones',
  },
  'data-dir': {
    type: 'string',
    value: 'FOLDER',
    help: 'keep the cluster here between starts (default: a folder that goes at the end)',
  },
  nodes: {
    type: 'number',
    value: 'N',
    default: 1,
    min: 1,
    max: 100,
    help: 'how many nodes the cluster has (played by KWOK)',
  },
  'http-port': {
    type: 'number',
    value: 'PORT',
    default: 0,
    max: 65_535,
    help: 'port of /healthz, /readyz and /metrics; 0 for any free one',
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    default: 'error',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    help: "of the engine's log on standard error",
  },
} as const satisfies Flags;

type Values = FlagValues<typeof FLAGS>;

export const upCommand = defineCommand({
  name: 'up',
  summary: 'bring up a cluster of its own with the engine and the shipped playbooks',
  usage: 'libretto up [--once] [flags]',
  description: `
Brings up a Kubernetes control plane on this machine (the real programs, with nodes played by KWOK), starts the engine
in it, installs the shipped playbooks as labelled ConfigMaps, applies their samples and shows how they get Ready. It
touches no other cluster and no kubeconfig of yours. Ctrl-C ends every process that it started.`,
  flags: FLAGS,
  examples: ['libretto up', 'libretto up --once', 'libretto up --playbooks-dir ./my-playbooks'],
  execute: (values, { terminal }) => runSession(terminal, (session) => bringUp({ ...session, values })),
});

interface UpSession extends Session {
  readonly values: Values;
}

async function bringUp(session: UpSession): Promise<ExitCode> {
  const { values, terminal, clock } = session;
  const began = clock.monotonic();
  const folders = await playbookFolders(values['playbooks-dir'] ?? SHIPPED);
  const plane = await upPlane(session);
  terminal.err(`control plane ${plane.server} is up after ${seconds(clock.monotonic() - began)}\n`);
  const { cluster, operator } = await startEngine(session, plane, folders);
  const refused = reportRefused(operator, terminal);
  const samples = (await Promise.all(folders.map((folder) => applySamples(cluster, folder)))).flat();
  const end = await watchSamples(session, { cluster, samples, refused, began });
  if (values.once || session.signal.aborted) return end;
  terminal.out(
    `\nTo look around, in another terminal:\n\n  export KUBECONFIG=${plane.kubeconfigPath}\n  kubectl get ${kindsOf(samples)}\n\nmetrics: http://127.0.0.1:${operator.httpPort ?? 0}/metrics\nCtrl-C ends it.\n`,
  );
  await untilAborted(session);
  return 0;
}

async function playbookFolders(root: string): Promise<readonly FolderContent[]> {
  const folders = await readPlaybookFolders(root);
  if (folders.length > 0) return folders;
  throw new EngineError('NoPlaybooks', `there is no playbook in ${root}`, {
    hint: 'a playbook is a folder with a watches.yaml',
  });
}

async function upPlane(session: UpSession): Promise<ControlPlane> {
  const { values } = session;
  const progress = createProgressLine(session.terminal);
  try {
    return await startPlane(session, {
      kwokNodes: values.nodes,
      progress: progress.report,
      ...(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }),
    });
  } finally {
    progress.clear();
  }
}

async function startEngine(
  session: UpSession,
  plane: ControlPlane,
  folders: readonly FolderContent[],
): Promise<{ cluster: Cluster; operator: Operator }> {
  const { values, terminal, cleanup, clock } = session;
  const level =
    (['debug', 'info', 'warn', 'error', 'silent'] as const).find((l) => l === values['log-level']) ?? 'error';
  const logger = createLogger({ level });
  const metrics = createMetrics({ process: true });
  const kubeconfig = loadKubeConfig({ path: plane.kubeconfigPath });
  const cluster = await connectCluster({
    kubeconfig,
    clock,
    logger,
    userAgent: `libretto/${VERSION}`,
    onRequest: createRestMetrics(metrics),
  });
  cleanup.add(() => cluster.close());
  await ensureNamespace(cluster, DEFAULT_NAMESPACE);
  for (const folder of folders) await installPlaybook(cluster, DEFAULT_NAMESPACE, folder);
  terminal.err(
    `playbooks installed as ConfigMaps in ${DEFAULT_NAMESPACE}: ${folders.map((f) => f.name).join(', ')}\n`,
  );
  const http = { host: '127.0.0.1', port: values['http-port'] };
  const operator = await startOperator({
    cluster,
    clock,
    logger,
    metrics,
    namespace: DEFAULT_NAMESPACE,
    http,
    instance: terminal.hostname,
  });
  cleanup.add(() => operator.stop());
  await operator.ready;
  return { cluster, operator };
}

/** What the engine refused, once, in full. */
function reportRefused(operator: Operator, terminal: Terminal): readonly string[] {
  const refused = operator.playbooks().filter((p) => p.running === undefined);
  for (const { problems } of refused)
    for (const problem of problems) terminal.err(`${formatDiagnostic(problem)}\n`);
  return refused.map((p) => `playbook ${p.id} was refused with ${p.problems.length} problems`);
}

interface Watching {
  readonly cluster: Cluster;
  readonly samples: readonly SampleResult[];
  readonly refused: readonly string[];
  readonly began: number;
}

async function watchSamples(session: UpSession, watching: Watching): Promise<ExitCode> {
  const { values, terminal, clock, signal } = session;
  const failed = watching.samples.flatMap((s) =>
    s.kind === 'failed' ? [`${s.what} could not be applied: ${s.why}`] : [],
  );
  const problems = [...watching.refused, ...failed];
  for (const s of watching.samples)
    if (s.kind === 'skipped') terminal.out(`${s.what} is left to you: ${s.why}\n`);
  for (const problem of problems) terminal.err(`${problem}\n`);
  const watch = createSampleWatch(
    watching.cluster,
    watching.samples.flatMap((s) => (s.kind === 'applied' ? [s.object] : [])),
    terminal,
  );
  session.cleanup.add(async () => watch.stop());
  const deadline = clock.monotonic() + values.timeout * 1000;
  while (!watch.allReady() && !signal.aborted && clock.monotonic() < deadline) await pause(clock, 50, signal);
  watch.leave();
  if (watch.allReady() && problems.length === 0) {
    terminal.out(
      `\nall ${watch.rows().length} samples are Ready after ${seconds(clock.monotonic() - watching.began)}\n`,
    );
    return 0;
  }
  if (!signal.aborted)
    for (const row of watch.rows())
      if (!row.ready) terminal.err(`${row.kind} ${row.name} is not Ready: ${row.message}\n`);
  return 1;
}

function kindsOf(samples: readonly SampleResult[]): string {
  const kinds = samples.flatMap((s) => (s.kind === 'applied' ? [s.object.kind.toLowerCase()] : []));
  return [...new Set(kinds)].join(',');
}
