/**
 * `libretto prune`: what a change of a playbook no longer describes, and the engine kept because it may hold data, is
 * listed, and deleted only when a person says so. What is described again meanwhile is no longer marked, and stays.
 */
import { errorMessage } from '../base/errors.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { KEPT_ANNOTATION, MANAGED_BY_LABEL, OWNER_ANNOTATION } from '../kube/labels.ts';
import { describeRef, type KubeObject, refOf } from '../kube/object.ts';
import { PRECIOUS_KINDS } from '../reconcile/prune.ts';
import { CLUSTER_FLAGS } from './choose-cluster.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { withCluster } from './live-cluster.ts';
import type { Terminal } from './terminal.ts';

export const pruneCommand = defineCommand({
  name: 'prune',
  summary: 'list, and with --yes delete, what a changed playbook left because it may hold data',
  usage: 'libretto prune --context NAME [--in NAMES] [--yes]',
  description: `
A StatefulSet, a claim or a generated Secret that a new version of a playbook no longer describes is never deleted by
the engine: it is marked with the annotation ${KEPT_ANNOTATION}, and a Warning says so. This lists what is marked, with
the reason, and deletes it with --yes. A claim's data goes with it, as its volume's reclaim policy says.`,
  flags: {
    ...CLUSTER_FLAGS,
    in: { type: 'list', value: 'NAMES', help: 'look in these namespaces only (default: all)' },
    yes: { type: 'boolean', default: false, help: 'delete what is listed' },
  },
  examples: ['libretto prune --context staging', 'libretto prune --context staging --in shop --yes'],
  execute: (values, { terminal }) => {
    const where = { ...values, namespace: '', 'watch-namespaces': values.in };
    return withCluster(where, terminal, ({ cluster }) => prune(cluster.client, values, terminal));
  },
});

interface Choice {
  readonly in: readonly string[];
  readonly yes: boolean;
}

async function prune(client: ClusterClient, choice: Choice, terminal: Terminal): Promise<ExitCode> {
  const kept = await findKept(client, choice.in);
  for (const object of kept) terminal.out(`${describe(object)}\n`);
  if (kept.length === 0) terminal.out('nothing is kept that a playbook no longer describes\n');
  else if (!choice.yes) terminal.err('\nnothing was deleted; --yes deletes what is listed\n');
  if (!choice.yes) return 0;
  const ends = await Promise.all(kept.map((object) => remove(client, object, terminal)));
  return ends.every((deleted) => deleted) ? 0 : 1;
}

async function findKept(
  client: ClusterClient,
  namespaces: readonly string[],
): Promise<readonly KubeObject[]> {
  const places = namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
  const selection = { labelSelector: `${MANAGED_BY_LABEL}=libretto` };
  const lists = await Promise.all(
    PRECIOUS_KINDS.flatMap((gvk) => places.map((place) => client.list(gvk, { ...place, ...selection }))),
  );
  return lists.flat().filter(isKept);
}

function isKept({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[KEPT_ANNOTATION] !== undefined && metadata.deletionTimestamp === undefined;
}

function describe(object: KubeObject): string {
  const { annotations = {} } = object.metadata;
  return `${describeRef(refOf(object))} of ${annotations[OWNER_ANNOTATION] ?? 'nobody'}: ${annotations[KEPT_ANNOTATION]}`;
}

/** As it was listed: what was changed since, above all what is described again, is left. */
async function remove(client: ClusterClient, object: KubeObject, terminal: Terminal): Promise<boolean> {
  const { uid, resourceVersion } = object.metadata;
  const seen = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  try {
    await client.delete(refOf(object), { ...seen, propagation: 'Background' });
    terminal.out(`${describeRef(refOf(object))}: deleted\n`);
    return true;
  } catch (error) {
    terminal.err(`${describeRef(refOf(object))} was left: ${errorMessage(error)}\n`);
    return false;
  }
}
