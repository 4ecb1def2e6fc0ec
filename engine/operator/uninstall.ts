/** What an installed playbook has in the cluster beside its ConfigMaps, and may be removed with it. */
import type { ClusterClient } from '../cluster/api.ts';
import { isObject, type KubeObject, type ObjectRef, refOf } from '../kube/object.ts';
import { accountOf } from './rbac.ts';

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;

/** What `rbacOf` made for it, in any namespace, as far as it is there. */
export async function installedRights(
  client: ClusterClient,
  playbook: string,
  namespace: string,
): Promise<readonly ObjectRef[]> {
  const name = accountOf(playbook);
  const fieldSelector = `metadata.name=${name}`;
  const bindings = (await client.list({ ...RBAC, kind: 'RoleBinding' }, { fieldSelector })).filter(
    (binding) => isFor(binding, namespace),
  );
  const everywhere = { ...RBAC, name: `${namespace}:${name}` };
  const found = await Promise.all(
    [
      { ...everywhere, kind: 'ClusterRoleBinding' },
      { ...everywhere, kind: 'ClusterRole' },
      ...bindings.map(refOf),
      ...bindings.map((binding) => ({ ...refOf(binding), kind: 'Role' })),
      { group: '', version: 'v1', kind: 'ServiceAccount', namespace, name },
    ].map(async (ref: ObjectRef) => ((await client.get(ref)) === undefined ? [] : [ref])),
  );
  return found.flat();
}

/** Another engine may have a playbook of the same name. */
function isFor(binding: KubeObject, namespace: string): boolean {
  const subjects = Array.isArray(binding['subjects']) ? binding['subjects'].filter(isObject) : [];
  return subjects.some(
    (subject) => subject['kind'] === 'ServiceAccount' && subject['namespace'] === namespace,
  );
}
