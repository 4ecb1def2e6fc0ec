/** `libretto rbac`: the least rights that playbooks and the engine need, as objects to apply. */
import { groupKind, type JsonObject } from '../kube/object.ts';
import { HASH_KEY_SECRET } from '../operator/hash-key.ts';
import { ENGINE_ACCOUNT, engineRbac, type Rbac } from '../operator/rbac.ts';
import type { Playbook } from '../playbook/model.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import type { Flags, FlagValues } from './flags.ts';
import { loadFolders, tellProblems } from './load-folders.ts';
import { checkNamespaces } from './namespace-names.ts';
import { playbookRights } from './playbook-rights.ts';
import { OBJECTS_FORMAT, objectsText } from './print-objects.ts';
import { DEFAULT_NAMESPACE } from './run.ts';

const FLAGS = {
  engine: {
    type: 'boolean',
    default: false,
    help: 'also what the engine itself needs, as the ServiceAccount libretto',
  },
  impersonate: {
    type: 'boolean',
    default: false,
    help: 'for an engine that runs with --impersonate: playbooks have accounts of their own, and it may act as them',
  },
  'playbook-namespace': {
    type: 'list',
    value: 'NAMES',
    help: 'with --engine: other namespaces whose ConfigMaps are playbooks',
  },
  'install-crds': { type: 'boolean', default: true, help: 'with --engine: whether it installs definitions' },
  'lease-name': {
    type: 'string',
    value: 'NAME',
    default: 'libretto',
    help: 'with --engine: name of its Lease',
  },
  account: {
    type: 'string',
    value: 'NAME',
    help: 'the ServiceAccount that gets the rights of playbooks (default: libretto-PLAYBOOK, which is printed too)',
  },
  'outside-cluster': {
    type: 'boolean',
    default: false,
    help: "for an engine outside the cluster, whose HTTP calls go through the API server's proxy",
  },
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
  output: OBJECTS_FORMAT,
} as const satisfies Flags;

export const rbacCommand = defineCommand({
  name: 'rbac',
  summary: 'print the least rights that playbooks and the engine need',
  usage: 'libretto rbac [FOLDER...] [--engine [--impersonate]] [--namespace NAME] [--watch-namespaces NAMES]',
  description: `Prints, for each playbook, a ServiceAccount and the Role or ClusterRole with exactly what the playbook needs: its own kinds,
and the objects that it keeps, observes and touches in actions. With --engine also what the engine itself needs; one that runs
without --impersonate needs the playbooks' rights for its own account, which then gets them.`,
  flags: FLAGS,
  args: { min: 0, max: Number.POSITIVE_INFINITY },
  examples: [
    'libretto rbac playbooks/redis | kubectl apply -f -',
    'libretto rbac --engine --impersonate playbooks/* | kubectl apply -f -',
    'libretto rbac --engine --watch-namespaces shop,blog playbooks/redis | kubectl apply -f -',
  ],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    if (args.length === 0 && !values.engine)
      throw new UsageError('no playbook folder is named', 'name one or more, or --engine');
    checkNamespaces([values.namespace, ...values['watch-namespaces'], ...values['playbook-namespace']]);
    const folders = args.length === 0 ? [] : await loadFolders(args);
    if (!tellProblems(folders, terminal)) return 1;
    const found = folders.flatMap(({ result }) =>
      result.kind === 'refused' ? [] : rightsObjects(result.playbook, values),
    );
    const items = [...engineObjects(values), ...found.flatMap(({ objects }) => objects)];
    const unknown = found.flatMap(({ unknown: kinds }) => kinds);
    for (const gvk of unknown)
      terminal.err(
        `rights on ${groupKind(gvk)} are missing: its name in URLs is not known without a cluster\n`,
      );
    terminal.out(objectsText(items, values.output));
    return unknown.length > 0 ? 1 : 0;
  },
});

type Values = FlagValues<typeof FLAGS>;

function engineObjects(values: Values): readonly JsonObject[] {
  if (!values.engine) return [];
  return engineRbac({
    namespace: values.namespace,
    playbookNamespaces: values['playbook-namespace'],
    impersonate: values.impersonate,
    installCrds: values['install-crds'],
    leaseName: values['lease-name'],
    hashKeySecret: HASH_KEY_SECRET,
  });
}

function rightsObjects(playbook: Playbook, values: Values): Rbac {
  // Beside an engine that acts as itself, the rights are the engine's.
  const account = values.account ?? (values.engine && !values.impersonate ? ENGINE_ACCOUNT : undefined);
  return playbookRights(playbook, {
    namespace: values.namespace,
    watchNamespaces: values['watch-namespaces'],
    account,
    outsideCluster: values['outside-cluster'],
  });
}
