/** `libretto run-action`: asks for a run of an action by creating an ActionRun, and may wait for its end. */
import { pause, systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { randomHex } from '../base/random.ts';
import type { Cluster } from '../cluster/api.ts';
import { connectCluster } from '../cluster/connect.ts';
import { parseJson } from '../cluster/json.ts';
import { ACTION_RUN } from '../kube/kinds.ts';
import { apiVersionOf, isObject, type Json, type JsonObject, type KubeObject } from '../kube/object.ts';
import { CLUSTER_FLAGS, chooseCluster } from './choose-cluster.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { findKind } from './find-kind.ts';
import type { Flags, FlagValues } from './flags.ts';
import { DEFAULT_NAMESPACE } from './run.ts';
import type { Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

const FLAGS = {
  ...CLUSTER_FLAGS,
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    help: "the resource's namespace (default: the context's, else default); of a cluster-scoped one the engine's",
  },
  param: {
    type: 'texts',
    value: 'NAME=VALUE',
    help: 'a parameter; a VALUE that is JSON (3, true, "3", {"a":1}) is taken as such; may be repeated',
  },
  wait: { type: 'boolean', default: false, help: 'show the steps and wait for the end' },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    default: 0,
    help: 'wait no longer than this; 0: as long as it takes',
  },
} as const satisfies Flags;

type Values = FlagValues<typeof FLAGS>;

export const runActionCommand = defineCommand({
  name: 'run-action',
  summary: 'run an action on a resource',
  usage: 'libretto run-action ACTION KIND/NAME [--param NAME=VALUE] [--wait] --context NAME',
  description: `
Creates an ActionRun, as kubectl create would; the engine in the cluster does the rest. It needs the right to create
ActionRuns, and the verb run-ACTION on the resource. With --wait the exit code is 0 where the run succeeded, else 1.`,
  flags: FLAGS,
  args: { min: 2, max: 2 },
  examples: [
    'libretto run-action backup sampledb/orders --context kind-dev --wait',
    'libretto run-action restore sampledb/orders --param snapshot=orders-2026-07-01 --kubeconfig ./dev.kubeconfig',
  ],
  async execute(values, { args, terminal }) {
    const [action = '', resource = ''] = args;
    const kubeconfig = chooseCluster(values, terminal.environment);
    const params = readParams(values.param);
    const cluster = await connectCluster({
      kubeconfig,
      clock: systemClock(),
      logger: silentLogger(),
      userAgent: `libretto/${VERSION}`,
    });
    try {
      const namespace = values.namespace ?? kubeconfig.namespace;
      const run = await request(cluster, { action, resource, params, namespace });
      terminal.out(`actionrun.libretto.dev/${run.metadata.name} created\n`);
      return values.wait ? await follow(cluster, run, { values, terminal }) : 0;
    } finally {
      await cluster.close();
    }
  },
});

interface Wish {
  readonly action: string;
  /** KIND/NAME */
  readonly resource: string;
  readonly params: JsonObject | undefined;
  readonly namespace: string | undefined;
}

function readParams(given: readonly string[]): JsonObject | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((text) => {
      const equals = text.indexOf('=');
      if (equals <= 0) throw new UsageError(`--param ${text} is not NAME=VALUE`);
      return [text.slice(0, equals), jsonOrText(text.slice(equals + 1))];
    }),
  );
}

function jsonOrText(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

async function request(cluster: Cluster, wish: Wish): Promise<KubeObject> {
  const { action, params } = wish;
  const [kindText = '', name = '', ...rest] = wish.resource.split('/');
  if (name === '' || rest.length > 0) throw new UsageError(`${wish.resource} is not KIND/NAME`);
  const { gvk, namespaced } = findKind(kindText, cluster.discovery);
  const namespace = wish.namespace ?? (namespaced ? 'default' : DEFAULT_NAMESPACE);
  const ref = { ...gvk, ...(namespaced ? { namespace } : {}), name };
  const found = await cluster.client.get(ref);
  if (found === undefined)
    throw new EngineError(
      'ResourceNotFound',
      `there is no ${gvk.kind} ${name}${namespaced ? ` in the namespace ${namespace}` : ''}`,
      { hint: 'check the name, and the namespace with --namespace' },
    );
  const resource = { apiVersion: apiVersionOf(gvk), kind: gvk.kind, name, uid: found.metadata.uid ?? '' };
  const metadata = { name: runName(name, action), namespace };
  return await cluster.client.create(
    {
      apiVersion: apiVersionOf(ACTION_RUN),
      kind: ACTION_RUN.kind,
      metadata,
      spec: { resource, action, ...(params === undefined ? {} : { params }) },
    },
    { fieldManager: 'libretto-cli' },
  );
}

/** Readable, and within what a name and a label's value may be. */
function runName(resource: string, action: string): string {
  const stem =
    `${resource.slice(0, 30)}-${action.slice(0, 20).replaceAll(/[^a-zA-Z0-9]+/g, '-')}`.toLowerCase();
  return `${stem}-${randomHex(4)}`;
}

const SUCCESS = 'Succeeded';
const ENDED: readonly unknown[] = [SUCCESS, 'Failed', 'Aborted', 'Refused', 'Halted'];

interface Following {
  readonly values: Values;
  readonly terminal: Terminal;
}

/** Prints what changes until the run has ended. */
async function follow(cluster: Cluster, run: KubeObject, { values, terminal }: Following): Promise<ExitCode> {
  const { name, namespace } = run.metadata;
  const cache = cluster.cache({
    gvk: ACTION_RUN,
    ...(namespace === undefined ? {} : { namespace }),
    fieldSelector: `metadata.name=${name}`,
  });
  const ended = Promise.withResolvers<ExitCode>();
  let last = '';
  const look = (): void => {
    const live = cache.get(namespace, name);
    if (live === undefined) {
      if (cache.synced) ended.reject(new EngineError('RunDeleted', `the run ${name} was deleted`));
      return;
    }
    const status = isObject(live.status) ? live.status : {};
    const line = describe(status);
    if (line !== last && line !== '') terminal.out(`${line}\n`);
    last = line;
    if (ENDED.includes(status['phase'])) ended.resolve(status['phase'] === SUCCESS ? 0 : 1);
  };
  cache.subscribe(look);
  look();
  return await Promise.race([ended.promise, ...limits(values, terminal, name)]);
}

function limits({ timeout }: Values, terminal: Terminal, name: string): readonly Promise<never>[] {
  const interrupted = new Promise<never>((_resolve, reject) =>
    terminal.onInterrupt(() =>
      reject(new EngineError('Interrupted', `no longer waiting; the run ${name} goes on`)),
    ),
  );
  if (timeout === 0) return [interrupted];
  const late = pause(systemClock(), timeout * 1000).then((): never => {
    throw new EngineError('RunNotEnded', `the run ${name} has not ended within ${timeout} s; it goes on`, {
      hint: `see kubectl describe actionrun ${name}; where it has no phase, no engine serves this action`,
    });
  });
  return [interrupted, late];
}

/** `Running  dump (attempt 2)  waiting for the Job` */
function describe(status: Record<string, unknown>): string {
  const text = (field: string): string => (typeof status[field] === 'string' ? status[field] : '');
  const attempt =
    typeof status['attempt'] === 'number' && status['attempt'] > 1 ? ` (attempt ${status['attempt']})` : '';
  const step = text('step') === '' ? '' : `${text('step')}${attempt}`;
  return [text('phase'), step, text('reason'), text('message')].filter((part) => part !== '').join('  ');
}
