/** The rights of a playbook as objects, with the names that kinds have in URLs. */
import { type GroupVersionKind, groupKind } from '../kube/object.ts';
import { type Rbac, type RbacOptions, rbacOf } from '../operator/rbac.ts';
import type { Playbook } from '../playbook/model.ts';
import { rightsOf } from '../playbook/rights.ts';
import { offlineResource } from './offline-kinds.ts';

export interface PlaybookRightsOptions {
  readonly namespace: string;
  /** Empty: everywhere. */
  readonly watchNamespaces: readonly string[];
  /** Default: the playbook's own account. */
  readonly account: string | undefined;
  readonly outsideCluster: boolean;
  /** Kinds that are neither the playbook's nor Kubernetes' own; default: none is known. */
  readonly resource?: RbacOptions['resource'];
}

export function playbookRights(playbook: Playbook, options: PlaybookRightsOptions): Rbac {
  const { namespace, watchNamespaces, account, outsideCluster } = options;
  const resource: RbacOptions['resource'] = (gvk) =>
    ownResource(playbook, gvk) ??
    ENGINE_RESOURCES[groupKind(gvk)] ??
    offlineResource(gvk) ??
    options.resource?.(gvk);
  return rbacOf(rightsOf(playbook, { outsideCluster }), {
    playbook: playbook.name,
    namespace,
    ...(watchNamespaces.length === 0 ? {} : { watchNamespaces }),
    ...(account === undefined ? {} : { account }),
    clusterScoped: playbook.watches.some(({ gvk }) => resource(gvk)?.namespaced === false),
    resource,
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
