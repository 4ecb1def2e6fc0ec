/**
 * `libretto install`: brings playbooks into a cluster, with their rights, and waits until the engine runs them. All of it is
 * checked first, by the linter and by the server; what has a problem leaves the cluster as it was.
 */
import { formatDiagnostic } from '../base/diagnostic.ts';
import { groupKind, type ObjectRef } from '../kube/object.ts';
import { carryOut, type InstallPlan, planInstall, type Step, stepsOf } from '../operator/install.ts';
import type { Playbook, PlaybookFiles } from '../playbook/model.ts';
import { CLUSTER_FLAGS } from './choose-cluster.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import type { Flags, FlagValues } from './flags.ts';
import { checkNamespace, type LiveCluster, loadAgainst, withCluster } from './live-cluster.ts';
import { type LoadedFolder, loadFolders, tellProblems } from './load-folders.ts';
import { PLAYBOOK_NAMESPACE, packageName } from './package.ts';
import { playbookRights } from './playbook-rights.ts';
import type { Terminal } from './terminal.ts';
import { WAIT_FLAGS, waitForEngine } from './wait-for-engine.ts';

const FLAGS = {
  ...CLUSTER_FLAGS,
  namespace: PLAYBOOK_NAMESPACE,
  'watch-namespaces': {
    type: 'list',
    value: 'NAMES',
    help: 'Roles in these namespaces in place of a ClusterRole, where the kinds allow it',
  },
  'without-rights': { type: 'boolean', default: false, help: 'somebody else gives the playbook its rights' },
  account: {
    type: 'string',
    value: 'NAME',
    help: 'the ServiceAccount that gets the rights (default: libretto-PLAYBOOK, which is made); for an engine without --impersonate its own, libretto',
  },
  'outside-cluster': {
    type: 'boolean',
    default: false,
    help: "for an engine outside the cluster, whose HTTP calls go through the API server's proxy",
  },
  crds: {
    type: 'string',
    value: 'WHEN',
    default: 'auto',
    choices: ['auto', 'always', 'never'],
    help: 'whether definitions are installed here; auto: where the engine may not',
  },
  'dry-run': { type: 'boolean', default: false, help: 'let the server check everything, and write nothing' },
  ...WAIT_FLAGS,
} as const satisfies Flags;

type Values = FlagValues<typeof FLAGS>;

export const installCommand = defineCommand({
  name: 'install',
  summary: 'bring playbooks into a cluster, with their rights',
  usage: 'libretto install FOLDER... --context NAME [--namespace NAME] [--dry-run] [--no-wait]',
  description: `Checks the given playbook folders, lets the API server check what would be written, and applies for each the rights that
libretto rbac prints, the definitions that the engine may not install itself, and its ConfigMaps; ConfigMaps of an earlier, larger
version are removed. Then waits until the engine runs exactly this, or shows why it refuses: exit code 1, and what ran before goes on.
What has a problem before that leaves the cluster as it was.`,
  flags: FLAGS,
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: [
    'libretto install playbooks/redis --context staging --dry-run',
    'libretto install playbooks/redis --context staging',
  ],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const folders = await loadFolders(args);
    if (!tellProblems(folders, terminal)) return 1;
    checkNames(folders);
    return await withCluster(values, terminal, (live) => install(folders, { live, values, terminal }));
  },
});

interface Input {
  readonly live: LiveCluster;
  readonly values: Values;
  readonly terminal: Terminal;
}

interface Loaded {
  readonly playbook: Playbook;
  readonly files: PlaybookFiles;
}

function checkNames(folders: readonly LoadedFolder[]): void {
  const names = new Set<string>();
  for (const { result, path } of folders) {
    if (result.kind === 'refused') continue;
    const name = packageName(result.playbook.name);
    if (names.has(name))
      throw new UsageError(`${path} is a second playbook ${name}`, 'give one of them another metadata.name');
    names.add(name);
  }
}

async function install(folders: readonly LoadedFolder[], input: Input): Promise<ExitCode> {
  const { live } = input;
  await checkNamespace(live);
  const loaded = await loadAll(folders, input);
  if (loaded === undefined) return 1;
  const plans: InstallPlan[] = [];
  for (const one of loaded) plans.push(await planOne(one, input));
  return await carryOutAll(plans, input);
}

/** Writes, and waits for the engine; a dry run tells what would be written. */
export async function carryOutAll(
  plans: readonly InstallPlan[],
  input: Pick<Input, 'live' | 'terminal'> & { readonly values: Pick<Values, 'dry-run' | 'wait' | 'timeout'> },
): Promise<ExitCode> {
  const { live, values, terminal } = input;
  for (const plan of plans) {
    if (values['dry-run'])
      for (const step of stepsOf(plan)) terminal.out(`${describeStep(step)} (dry run)\n`);
    else await carryOut(live.cluster.client, plan, (step) => terminal.out(`${describeStep(step)}\n`));
  }
  return values['dry-run'] || !values.wait ? 0 : await waitForEngine(plans, input);
}

/** With what the cluster says of kinds; undefined where that shows more errors, which are printed. */
async function loadAll(
  folders: readonly LoadedFolder[],
  { live, terminal }: Input,
): Promise<readonly Loaded[] | undefined> {
  const loaded: Loaded[] = [];
  let refused = false;
  for (const { path, files, result } of folders) {
    const name = result.kind === 'loaded' ? result.playbook.name : path;
    const again = await loadAgainst({ name, path, files, problems: [] }, live);
    if (again.kind === 'loaded') loaded.push({ playbook: again.playbook, files });
    else {
      refused = true;
      for (const problem of again.problems) terminal.err(`${formatDiagnostic(problem)}\n`);
    }
  }
  return refused ? undefined : loaded;
}

async function planOne({ playbook, files }: Loaded, { live, values, terminal }: Input): Promise<InstallPlan> {
  const { namespace, cluster } = live;
  const rights = values['without-rights']
    ? { objects: [], unknown: [] }
    : playbookRights(playbook, {
        namespace,
        watchNamespaces: values['watch-namespaces'],
        account: values.account,
        outsideCluster: values['outside-cluster'],
        resource: ({ group, kind }) => cluster.discovery.byKind(group, kind),
      });
  for (const gvk of rights.unknown)
    terminal.err(`rights on ${groupKind(gvk)} are missing: the cluster does not serve it\n`);
  const crds = values.crds === 'always' || values.crds === 'never' ? values.crds : 'auto';
  return await planInstall(cluster.client, { playbook, files, namespace, rights: rights.objects, crds });
}

/** `configmap/redis created`, as kubectl writes it. */
function describeStep({ ref, outcome }: Step): string {
  return `${describeShort(ref)} ${outcome}`;
}

export function describeShort({ group, kind, name }: ObjectRef): string {
  return `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${name}`;
}
