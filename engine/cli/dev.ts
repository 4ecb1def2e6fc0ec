/**
 * `libretto dev`: a playbook under one's hands. Each save is checked, its golden cases run, and it is taken into a
 * cluster; one screen shows what came of it. By default that is a control plane of its own.
 */
import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { LoadedKubeConfig } from '../cluster/kubeconfig.ts';
import { loadKubeConfig } from '../cluster/kubeconfig.ts';
import { type FolderContent, readPlaybookFolders } from '../operator/folder-files.ts';
import { CLUSTER_FLAGS, chooseCluster } from './choose-cluster.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { type Chosen, type DevOptions, runLoop } from './dev-loop.ts';
import { fileProblem } from './file-problem.ts';
import type { Flags, FlagValues } from './flags.ts';
import { noPlaybook } from './load-folders.ts';
import { runSession, type Session, seconds, startPlane } from './session.ts';
import { createProgressLine } from './up-progress.ts';
import { SAMPLE_NAMESPACE } from './up-samples.ts';

const FLAGS = {
  ...CLUSTER_FLAGS,
  apply: {
    type: 'string',
    value: 'FILE',
    help: "resources to apply, again after each save (default: FOLDER/sample.yaml, in dev's own cluster alone)",
  },
  plain: { type: 'boolean', default: false, help: 'lines instead of a screen, as without a terminal' },
  namespace: {
    type: 'string',
    value: 'NAME',
    default: 'libretto-dev',
    help: "the engine's own namespace; created where it is missing",
  },
  'watch-namespaces': { type: 'list', value: 'NAMES', help: 'work in these namespaces only (default: all)' },
  'data-dir': {
    type: 'string',
    value: 'FOLDER',
    help: "keep dev's own cluster here between starts (default: a folder that goes at the end)",
  },
} as const satisfies Flags;

type Values = FlagValues<typeof FLAGS>;

export const devCommand = defineCommand({
  name: 'dev',
  summary: 'run a playbook while you write it, and see what each save does',
  usage: 'libretto dev FOLDER [--context NAME] [--apply FILE] [--plain]',
  description: `
Runs the playbook of this folder and takes each save of it into the cluster. One screen shows its problems with their
places, its golden cases, its resources with their state, and what the save changed in the cluster, field by field. A save
with errors is not taken: the last good one goes on.

The cluster is one of its own on this machine, as of libretto up, unless you name another one. There, what was made stays
when dev ends, but is no longer kept as described. Ctrl-C ends every process that it started.`,
  flags: FLAGS,
  args: { min: 1, max: 1 },
  examples: [
    'libretto dev playbooks/memcached',
    'libretto dev site --context kind-dev --apply site/sample.yaml',
  ],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const folder = await playbookIn(args[0] ?? '');
    const own = values.context === undefined && values.kubeconfig === undefined;
    const named = own ? undefined : chooseCluster(values, terminal.environment);
    if (!own && values['data-dir'] !== undefined)
      throw new UsageError(
        "--data-dir is of dev's own cluster, and another one is named",
        'leave one of them out',
      );
    const file = await fileToApply(values, folder, own);
    const shown = values.plain ? { ...terminal, interactive: false, colors: false } : terminal;
    return await runSession(shown, (session) =>
      runLoop(session, optionsOf({ values, folder, file, named }, session)),
    );
  },
});

async function playbookIn(path: string): Promise<FolderContent> {
  const [folder, second] = await readPlaybookFolders(path);
  if (folder === undefined) throw await noPlaybook(path);
  if (second !== undefined)
    throw new UsageError(`${path} holds several playbooks`, `name one: ${join(path, folder.name)}`);
  return folder;
}

async function fileToApply(
  { apply }: Values,
  { files, path }: FolderContent,
  own: boolean,
): Promise<string | undefined> {
  if (apply === undefined)
    return own && files.has('sample.yaml') ? relative('.', join(path, 'sample.yaml')) : undefined;
  await access(apply).catch((error: unknown) => {
    throw fileProblem(apply, error);
  });
  return apply;
}

interface Given {
  readonly values: Values;
  readonly folder: FolderContent;
  readonly file: string | undefined;
  /** Undefined: a cluster of its own. */
  readonly named: LoadedKubeConfig | undefined;
}

function optionsOf({ values, folder, file, named }: Given, session: Session): DevOptions {
  const namespaces = values['watch-namespaces'];
  return {
    folder,
    file,
    namespace: values.namespace,
    watchNamespaces: namespaces.length === 0 ? undefined : namespaces,
    async choose(progress): Promise<Chosen> {
      if (named !== undefined) {
        const { namespace = SAMPLE_NAMESPACE, contextName } = named;
        return { kubeconfig: named, name: `context ${contextName}`, namespace };
      }
      return await ownCluster(session, values, progress);
    },
  };
}

async function ownCluster(
  session: Session,
  values: Values,
  progress: (text: string) => void,
): Promise<Chosen> {
  const lines = createProgressLine(session.terminal);
  const plane = await startPlane(session, {
    kwokNodes: 1,
    progress: session.terminal.interactive
      ? ({ step, elapsedMs }) => progress(`${step} … ${seconds(elapsedMs)}`)
      : lines.report,
    ...(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }),
  });
  return {
    kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }),
    name: `KUBECONFIG=${plane.kubeconfigPath}`,
    namespace: SAMPLE_NAMESPACE,
  };
}
