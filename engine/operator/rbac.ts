/**
 * A playbook's rights as RBAC objects: a ServiceAccount that the engine acts as for this playbook, and the Roles and
 * bindings that let it do exactly what the playbook says.
 */
import { EVENT } from '../kube/kinds.ts';
import { type GroupVersionKind, groupKind, type JsonObject } from '../kube/object.ts';
import { type Right, RUN_KINDS } from '../playbook/rights.ts';

export interface RbacOptions {
  readonly playbook: string;
  /** The engine's namespace, where the ServiceAccount lives. */
  readonly namespace: string;
  /** Undefined: everywhere. */
  readonly watchNamespaces?: readonly string[];
  /** Who gets them; default: the playbook's account, which is made as well. */
  readonly account?: string;
  /** Whether a kind that the playbook watches is cluster-scoped: its Events and runs have namespaces all the same. */
  readonly clusterScoped?: boolean;
  /** Undefined for kinds that are not known: rights on those can't be written. */
  resource(gvk: GroupVersionKind): { readonly plural: string; readonly namespaced: boolean } | undefined;
}

/** The engine's own account. */
export const ENGINE_ACCOUNT = 'libretto';

/** The account that the engine acts as for a playbook. */
export function accountOf(playbook: string): string {
  return `libretto-${playbook}`;
}

/** What a person types to give a playbook's account its rights. */
export function rbacCommandLine(options: {
  readonly playbook: string;
  readonly namespace: string;
  readonly watchNamespaces: readonly string[] | undefined;
}): string {
  const { playbook, namespace, watchNamespaces } = options;
  const where = watchNamespaces === undefined ? '' : ` --watch-namespaces ${watchNamespaces.join(',')}`;
  return `libretto rbac ${playbook} --namespace ${namespace}${where} | kubectl apply -f -`;
}

export interface Rbac {
  readonly objects: readonly JsonObject[];
  /** Kinds that were left out. */
  readonly unknown: readonly GroupVersionKind[];
}

export function rbacOf(rights: readonly Right[], options: RbacOptions): Rbac {
  const { playbook, namespace, watchNamespaces } = options;
  const known = rights.flatMap((right) => {
    const resource = options.resource(right.gvk);
    return resource === undefined ? [] : [{ ...right, ...resource }];
  });
  const unknown = rights.filter(({ gvk }) => options.resource(gvk) === undefined).map(({ gvk }) => gvk);
  const name = accountOf(playbook);
  const subject = accountRef(options.account ?? name, namespace);
  const account = options.account === undefined ? [serviceAccount(name, namespace)] : [];
  const inAll = watchNamespaces === undefined ? known : known.filter(({ namespaced }) => !namespaced);
  const inEach = watchNamespaces === undefined ? [] : known.filter(({ namespaced }) => namespaced);
  const everywhere = clusterGrant(name, namespace, rulesOf(inAll), subject);
  const places = placesOf(inEach, options);
  const each = [...places].flatMap(([where, rights_]) => roleGrant(name, where, rulesOf(rights_), subject));
  return { objects: [...account, ...everywhere, ...each], unknown: distinct(unknown) };
}

/** What is granted in which namespace. */
function placesOf(
  rights: readonly NamedRight[],
  { namespace, watchNamespaces = [], clusterScoped = false }: RbacOptions,
): ReadonlyMap<string, readonly NamedRight[]> {
  const places = new Map(watchNamespaces.map((where) => [where, rights]));
  const also = (where: string, kinds: readonly GroupVersionKind[]): void => {
    const names = new Set(kinds.map(groupKind));
    if (watchNamespaces.length === 0 || places.has(where)) return;
    places.set(
      where,
      rights.filter(({ gvk }) => names.has(groupKind(gvk))),
    );
  };
  if (clusterScoped) {
    also('default', [EVENT]);
    also(namespace, RUN_KINDS);
  }
  return places;
}

export interface EngineRbacOptions {
  /** The engine's own. */
  readonly namespace: string;
  /** Other namespaces whose ConfigMaps are playbooks. */
  readonly playbookNamespaces?: readonly string[];
  /** Whether it acts as the accounts of its playbooks; if not, their rights are given to its own account. */
  readonly impersonate: boolean;
  readonly installCrds: boolean;
  readonly leaseName: string;
  /** The Secret with the key of hashes. */
  readonly hashKeySecret: string;
}

const READ = ['get', 'list', 'watch'];

/** Exactly what the engine needs for itself, whatever its playbooks need. */
export function engineRbac(options: EngineRbacOptions): readonly JsonObject[] {
  const { namespace, playbookNamespaces = [] } = options;
  const subject = accountRef(ENGINE_ACCOUNT, namespace);
  const others = playbookNamespaces.filter((other) => other !== namespace);
  return [
    serviceAccount(ENGINE_ACCOUNT, namespace),
    ...clusterGrant(ENGINE_ACCOUNT, namespace, clusterRules(options), subject),
    ...roleGrant(ENGINE_ACCOUNT, namespace, ownRules(options), subject),
    ...others.flatMap((other) => roleGrant(ENGINE_ACCOUNT, other, playbookRules(options), subject)),
  ];
}

/** Definitions to install, and what tells that kinds and namespaces come and go. */
function clusterRules({ installCrds }: EngineRbacOptions): readonly JsonObject[] {
  const install = ['create', 'get', 'patch'];
  return [
    rule('', ['namespaces'], READ),
    rule('apiregistration.k8s.io', ['apiservices'], ['list', 'watch']),
    rule(
      'apiextensions.k8s.io',
      ['customresourcedefinitions'],
      installCrds ? ['create', ...READ, 'patch'].sort() : ['list', 'watch'],
    ),
    ...(installCrds
      ? [
          rule(
            'admissionregistration.k8s.io',
            ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
            install,
          ),
        ]
      : []),
  ];
}

/** Playbooks with their problems, the inventory, the key of hashes, who leads. */
function ownRules(options: EngineRbacOptions): readonly JsonObject[] {
  const { hashKeySecret, leaseName } = options;
  return [
    rule('', ['configmaps'], ['create', ...READ, 'patch', 'update'].sort()),
    rule('', ['secrets'], ['create']),
    rule('', ['secrets'], ['get'], [hashKeySecret]),
    rule('coordination.k8s.io', ['leases'], ['create']),
    rule('coordination.k8s.io', ['leases'], [...READ, 'update'].sort(), [leaseName]),
    ...commonRules(options),
  ];
}

/** Playbooks with their problems, and how far a new version has gone out. */
function playbookRules(options: EngineRbacOptions): readonly JsonObject[] {
  return [rule('', ['configmaps'], ['create', ...READ, 'patch'].sort()), ...commonRules(options)];
}

function commonRules({ impersonate }: EngineRbacOptions): readonly JsonObject[] {
  return [
    rule(EVENT.group, ['events'], ['create', 'patch']),
    ...(impersonate ? [rule('', ['serviceaccounts'], ['impersonate'])] : []),
  ];
}

function rule(
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  names?: readonly string[],
): JsonObject {
  const only = names === undefined ? {} : { resourceNames: names };
  return { apiGroups: [group], resources, ...only, verbs };
}

function accountRef(name: string, namespace: string): JsonObject {
  return { kind: 'ServiceAccount', name, namespace };
}

function serviceAccount(name: string, namespace: string): JsonObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
}

function distinct(kinds: readonly GroupVersionKind[]): readonly GroupVersionKind[] {
  return [...new Map(kinds.map((gvk) => [`${gvk.kind}.${gvk.group}`, gvk])).values()];
}

const RBAC = 'rbac.authorization.k8s.io';

/** What is cluster-wide has the engine's namespace in its name, so that two engines do not share it. */
function clusterGrant(
  name: string,
  namespace: string,
  rules: readonly JsonObject[],
  subject: JsonObject,
): readonly JsonObject[] {
  return grant('ClusterRole', { name: `${namespace}:${name}` }, rules, subject);
}

function roleGrant(
  name: string,
  namespace: string,
  rules: readonly JsonObject[],
  subject: JsonObject,
): readonly JsonObject[] {
  return grant('Role', { name, namespace }, rules, subject);
}

function grant(
  kind: 'Role' | 'ClusterRole',
  metadata: { readonly name: string; readonly namespace?: string },
  rules: readonly JsonObject[],
  subject: JsonObject,
): readonly JsonObject[] {
  if (rules.length === 0) return [];
  const { name } = metadata;
  const apiVersion = `${RBAC}/v1`;
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: RBAC, kind, name },
      subjects: [subject],
    },
  ];
}

interface NamedRight extends Right {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Resources of one group that need the same verbs share a rule. */
function rulesOf(rights: readonly NamedRight[]): readonly JsonObject[] {
  const groups = Map.groupBy(merged(rights), ({ gvk, verbs, names }) =>
    JSON.stringify([gvk.group, verbs, names]),
  );
  return [...groups.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const resources = same.map(({ plural, subresource }) =>
      subresource === undefined ? plural : `${plural}/${subresource}`,
    );
    return [rule(first.gvk.group, [...new Set(resources)].sort(), first.verbs, first.names)];
  });
}

/** Versions of one kind are one resource. */
function merged(rights: readonly NamedRight[]): readonly NamedRight[] {
  const byName = Map.groupBy(rights, ({ gvk, plural, subresource, names }) =>
    JSON.stringify([gvk.group, plural, subresource, names]),
  );
  return [...byName.values()].flatMap((same) => {
    const [first] = same;
    const verbs = [...new Set(same.flatMap((right) => right.verbs))].sort();
    return first === undefined ? [] : [{ ...first, verbs }];
  });
}
