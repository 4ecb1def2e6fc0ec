/** `libretto run`: the engine against a cluster, until it is told to end. */
import { systemClock } from '../base/clock.ts';
import { holdProcess } from '../base/hold.ts';
import { createLogger, type Logger, type LogLevel } from '../base/logger.ts';
import { createMetrics } from '../base/metrics.ts';
import { randomHex } from '../base/random.ts';
import { connectCluster } from '../cluster/connect.ts';
import type { LeaderElectionOptions } from '../operator/leadership.ts';
import { type Operator, type OperatorOptions, startOperator } from '../operator/operator.ts';
import { createRestMetrics } from '../operator/rest-metrics.ts';
import { CLUSTER_FLAGS, chooseCluster, isPod } from './choose-cluster.ts';
import { defineCommand, type ExitCode } from './command.ts';
import type { Flags, FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

export const DEFAULT_NAMESPACE = 'libretto-system';
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

const FLAGS = {
  ...CLUSTER_FLAGS,
  namespace: {
    type: 'string',
    value: 'NAME',
    help: `the engine's own namespace: lease, inventory, playbooks (default: the pod's, else ${DEFAULT_NAMESPACE})`,
  },
  'playbook-namespace': {
    type: 'list',
    value: 'NAMES',
    help: "namespaces whose ConfigMaps are trusted as playbooks (default: the engine's own)",
  },
  'playbooks-dir': {
    type: 'list',
    value: 'FOLDER',
    help: 'also take playbooks from this folder, and watch it; may be repeated',
  },
  'watch-namespaces': { type: 'list', value: 'NAMES', help: 'work in these namespaces only (default: all)' },
  'allow-other-namespaces': {
    type: 'boolean',
    default: false,
    help: "let playbooks put children outside their resource's namespace",
  },
  'install-crds': { type: 'boolean', default: true, help: "install and update the playbooks' definitions" },
  impersonate: {
    type: 'boolean',
    default: false,
    help: "work on each playbook as its own ServiceAccount libretto-NAME, with that account's rights alone",
  },
  'leader-elect': { type: 'boolean', default: true, help: 'of several engines let one work, by a Lease' },
  'lease-name': { type: 'string', value: 'NAME', default: 'libretto', help: 'name of that Lease' },
  'lease-duration': {
    type: 'number',
    value: 'SECONDS',
    default: 15,
    min: 5,
    max: 3600,
    help: 'how long another engine waits for one that is silent; longer for a slow API server',
  },
  'http-host': {
    type: 'string',
    value: 'ADDRESS',
    default: '0.0.0.0',
    help: 'address of /healthz, /readyz and /metrics',
  },
  'http-port': { type: 'number', value: 'PORT', default: 8080, max: 65_535, help: 'their port; 0 for none' },
  concurrency: {
    type: 'number',
    value: 'N',
    default: 16,
    min: 1,
    max: 1000,
    help: 'resources in work at once',
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    default: 'info',
    choices: LOG_LEVELS,
    help: `one of ${LOG_LEVELS.join(', ')}`,
  },
} as const satisfies Flags;

export const runCommand = defineCommand({
  name: 'run',
  summary: 'run the engine against a cluster',
  usage: 'libretto run --context NAME [flags]',
  description: `
Runs the engine against a cluster: it takes playbooks from labelled ConfigMaps of its namespace, and from folders,
installs their definitions and keeps their resources as described, until SIGTERM or Ctrl-C. Then it finishes what
runs and gives the lease back. Log lines go to standard error as JSON.

Outside a pod the cluster must be named; the current context of your kubeconfig is never taken by itself.`,
  flags: FLAGS,
  examples: [
    'libretto run --context kind-dev',
    'libretto run --kubeconfig ./dev.kubeconfig --playbooks-dir ./playbooks --leader-elect=false',
    'LIBRETTO_WATCH_NAMESPACES=shop,blog libretto run --context staging',
  ],
  execute: (values, { terminal }) => holdProcess(() => run(values, terminal)),
});

type Values = FlagValues<typeof FLAGS>;

async function run(values: Values, terminal: Terminal): Promise<ExitCode> {
  const kubeconfig = chooseCluster(values, terminal.environment);
  const logger = createLogger({ level: logLevel(values['log-level']) });
  const clock = systemClock();
  const metrics = createMetrics({ process: true });
  logger.info('libretto starts', {
    version: VERSION,
    server: kubeconfig.server,
    context: kubeconfig.contextName,
  });
  const cluster = await connectCluster({
    kubeconfig,
    clock,
    logger,
    userAgent: `libretto/${VERSION}`,
    onRequest: createRestMetrics(metrics),
  });
  try {
    const namespace =
      values.namespace ??
      (isPod(terminal.environment) ? kubeconfig.namespace : undefined) ??
      DEFAULT_NAMESPACE;
    const operator = await startOperator({
      cluster,
      clock,
      logger,
      metrics,
      ...operatorOptions(values, { namespace, hostname: terminal.hostname }),
    });
    return await untilEnd(operator, logger, terminal);
  } finally {
    await cluster.close();
  }
}

function logLevel(text: string): LogLevel {
  return LOG_LEVELS.find((level) => level === text) ?? 'info';
}

function operatorOptions(
  values: Values,
  where: { namespace: string; hostname: string },
): Omit<OperatorOptions, 'cluster' | 'clock' | 'logger'> {
  return {
    namespace: where.namespace,
    instance: where.hostname,
    playbookFolders: values['playbooks-dir'],
    ...(values['playbook-namespace'].length === 0
      ? {}
      : { playbookNamespaces: values['playbook-namespace'] }),
    ...(values['watch-namespaces'].length === 0 ? {} : { watchNamespaces: values['watch-namespaces'] }),
    ...(values['leader-elect'] ? { leaderElection: election(values, where.hostname) } : {}),
    ...(values['http-port'] === 0 ? {} : { http: { host: values['http-host'], port: values['http-port'] } }),
    concurrency: values.concurrency,
    installCrds: values['install-crds'],
    impersonate: values.impersonate,
    allowOtherNamespaces: values['allow-other-namespaces'],
  };
}

function election(values: Values, hostname: string): LeaderElectionOptions {
  return {
    leaseName: values['lease-name'],
    identity: `${hostname}_${randomHex(4)}`,
    leaseDurationMs: values['lease-duration'] * 1000,
  };
}

/** Ends by a signal (0), or when the lease is lost or the start fails (1): then the pod is started anew. */
async function untilEnd(operator: Operator, logger: Logger, terminal: Terminal): Promise<ExitCode> {
  const interrupted = Promise.withResolvers<'interrupted'>();
  const end = terminal.onInterrupt(() => interrupted.resolve('interrupted'));
  const failed = operator.ready.then(() => new Promise<never>(() => {}));
  try {
    const why = await Promise.race([interrupted.promise, operator.lost, failed]);
    if (why === 'interrupted') logger.info('ending: what runs is finished first');
    else logger.error('the lease was lost, ending', { reason: why });
    return why === 'interrupted' ? 0 : 1;
  } finally {
    await operator.stop();
    end();
    logger.info('ended');
  }
}
