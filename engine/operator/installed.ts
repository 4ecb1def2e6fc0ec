/** The playbooks that the ConfigMaps of one namespace hold, as somebody beside the engine reads them. */
import type { ClusterClient } from '../cluster/api.ts';
import { PLAYBOOK_LABEL } from '../kube/labels.ts';
import type { KubeObject } from '../kube/object.ts';
import { type Assembly, assembleParts } from './configmap-parts.ts';

export const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' } as const;

export interface InstalledPlaybook {
  /** The value of the label. */
  readonly name: string;
  /** In order of their names. */
  readonly parts: readonly KubeObject[];
  readonly assembly: Assembly;
}

/** In order of their names; `only`: that one, if it is there. */
export async function installedPlaybooks(
  client: ClusterClient,
  namespace: string,
  only?: string,
): Promise<readonly InstalledPlaybook[]> {
  const labelSelector = only === undefined ? PLAYBOOK_LABEL : `${PLAYBOOK_LABEL}=${only}`;
  const found = await client.list(CONFIG_MAP, { namespace, labelSelector });
  const parts = found
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const byName = Map.groupBy(parts, ({ metadata }) => metadata.labels?.[PLAYBOOK_LABEL] ?? '');
  return [...byName]
    .filter(([name]) => name !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, group]) => ({ name, parts: group, assembly: assembleParts(group) }));
}
