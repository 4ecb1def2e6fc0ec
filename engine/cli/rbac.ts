/** `libretto rbac`: the least rights that a playbook needs, as objects to apply. */
import type { GroupVersionKind } from '../kube/object.ts';
import { groupKind } from '../kube/object.ts';
import { type Rbac, rbacOf } from '../operator/rbac.ts';
import type { Playbook } from '../playbook/model.ts';
import { rightsOf } from '../playbook/rights.ts';
import { formatYaml } from '../playbook/yaml-text.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { loadFolders, tellProblems } from './load-folders.ts';
import { offlineResource } from './offline-kinds.ts';
import { DEFAULT_NAMESPACE } from './run.ts';

export const rbacCommand = defineCommand({
  name: 'rbac',
  summary: 'print the least rights that a playbook needs',
  usage: 'libretto rbac FOLDER... [--namespace NAME] [--watch-namespaces NAMES]',
  description: `Prints, for each playbook, a ServiceAccount and the Role or ClusterRole with exactly what the playbook needs: its own kinds,
and the objects that it keeps, observes and touches in actions.`,
  flags: {
    namespace: {
      type: 'string',
      value: 'NAME',
      default: DEFAULT_NAMESPACE,
      help: "the engine's namespace, where the ServiceAccount lives",
    },
    'watch-namespaces': {
      type: 'list',
      value: 'NAMES',
      help: 'Roles in these namespaces in place of a ClusterRole, where the kinds allow it',
    },
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'yaml',
      choices: ['yaml', 'json'],
      help: 'how to print them',
    },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto rbac playbooks/redis | kubectl apply -f -'],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const folders = await loadFolders(args);
    if (!tellProblems(folders, terminal)) return 1;
    const found = folders.flatMap(({ result }) =>
      result.kind === 'refused'
        ? []
        : rightsObjects(result.playbook, values.namespace, values['watch-namespaces']),
    );
    const items = found.flatMap(({ objects }) => objects);
    const unknown = found.flatMap(({ unknown: kinds }) => kinds);
    for (const gvk of unknown)
      terminal.err(
        `rights on ${groupKind(gvk)} are missing: its name in URLs is not known without a cluster\n`,
      );
    const list = { apiVersion: 'v1', kind: 'List', items };
    terminal.out(values.output === 'json' ? `${JSON.stringify(list, null, 2)}\n` : formatYaml(items));
    return unknown.length > 0 ? 1 : 0;
  },
});

function rightsObjects(playbook: Playbook, namespace: string, watchNamespaces: readonly string[]): Rbac {
  return rbacOf(rightsOf(playbook), {
    playbook: playbook.name,
    namespace,
    ...(watchNamespaces.length === 0 ? {} : { watchNamespaces }),
    resource: (gvk) => ownResource(playbook, gvk) ?? ENGINE_RESOURCES[groupKind(gvk)] ?? offlineResource(gvk),
  });
}

const ENGINE_RESOURCES: Readonly<Record<string, { plural: string; namespaced: boolean }>> = {
  'ActionRun.libretto.dev': { plural: 'actionruns', namespaced: true },
};

function ownResource(
  { crds }: Playbook,
  gvk: GroupVersionKind,
): { readonly plural: string; readonly namespaced: boolean } | undefined {
  for (const crd of crds) {
    const { group, names, scope } = Object(crd.spec);
    if (group === gvk.group && Object(names).kind === gvk.kind)
      return { plural: String(Object(names).plural), namespaced: scope !== 'Cluster' };
  }
  return undefined;
}
