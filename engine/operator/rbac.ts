/**
 * A playbook's rights as RBAC objects: a ServiceAccount that the engine acts as for this playbook, and the Roles and
 * bindings that let it do exactly what the playbook says.
 */
import type { GroupVersionKind, JsonObject } from '../kube/object.ts';
import type { Right } from '../playbook/rights.ts';

export interface RbacOptions {
  readonly playbook: string;
  /** The engine's namespace, where the ServiceAccount lives. */
  readonly namespace: string;
  /** Undefined: everywhere. */
  readonly watchNamespaces?: readonly string[];
  /** Undefined for kinds that are not known: rights on those can't be written. */
  resource(gvk: GroupVersionKind): { readonly plural: string; readonly namespaced: boolean } | undefined;
}

/** The account that the engine acts as for a playbook. */
export function accountOf(playbook: string): string {
  return `libretto-${playbook}`;
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
  const subject = { kind: 'ServiceAccount', name, namespace };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
  const inAll = watchNamespaces === undefined ? known : known.filter(({ namespaced }) => !namespaced);
  const inEach = watchNamespaces === undefined ? [] : known.filter(({ namespaced }) => namespaced);
  const everywhere = inAll.length === 0 ? [] : grant('ClusterRole', name, rulesOf(inAll), { subject });
  const each = (watchNamespaces ?? []).flatMap((where) =>
    inEach.length === 0 ? [] : grant('Role', name, rulesOf(inEach), { subject, namespace: where }),
  );
  return { objects: [account, ...everywhere, ...each], unknown: distinct(unknown) };
}

function distinct(kinds: readonly GroupVersionKind[]): readonly GroupVersionKind[] {
  return [...new Map(kinds.map((gvk) => [`${gvk.kind}.${gvk.group}`, gvk])).values()];
}

const RBAC = 'rbac.authorization.k8s.io';

function grant(
  kind: 'Role' | 'ClusterRole',
  name: string,
  rules: readonly JsonObject[],
  { subject, namespace }: { readonly subject: JsonObject; readonly namespace?: string },
): readonly JsonObject[] {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
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
}

/** Resources of one group that need the same verbs share a rule. */
function rulesOf(rights: readonly NamedRight[]): readonly JsonObject[] {
  const rules = new Map<string, { group: string; verbs: readonly string[]; resources: Set<string> }>();
  for (const { gvk, plural, subresource, verbs } of merged(rights)) {
    const key = `${gvk.group}:${verbs.join()}`;
    const rule = rules.get(key) ?? { group: gvk.group, verbs, resources: new Set<string>() };
    rules.set(key, rule);
    rule.resources.add(subresource === undefined ? plural : `${plural}/${subresource}`);
  }
  return [...rules.values()].map(({ group, verbs, resources }) => ({
    apiGroups: [group],
    resources: [...resources].sort(),
    verbs,
  }));
}

/** Versions of one kind are one resource. */
function merged(rights: readonly NamedRight[]): readonly NamedRight[] {
  const byName = Map.groupBy(
    rights,
    ({ gvk, plural, subresource }) => `${gvk.group}/${plural}/${subresource ?? ''}`,
  );
  return [...byName.values()].flatMap((same) => {
    const [first] = same;
    const verbs = [...new Set(same.flatMap((right) => right.verbs))].sort();
    return first === undefined ? [] : [{ ...first, verbs }];
  });
}
