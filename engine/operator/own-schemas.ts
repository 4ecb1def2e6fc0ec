/**
 * The schemas that a playbook brings itself, in its definitions. The API server publishes those of a definition that
 * is new or changed only seconds later, and a list of one that is written without them is refused.
 */
import { apiVersionOf, type GroupVersionKind, isObject } from '../kube/object.ts';
import type { SchemaLookup, SchemaNode } from '../kube/schema.ts';
import { schemaFromCrd } from '../kube/schema-model.ts';
import type { Playbook } from '../playbook/model.ts';

export function ownSchemas({ crds }: Pick<Playbook, 'crds'>): SchemaLookup {
  const nodes = new Map<string, SchemaNode | undefined>();
  return (gvk) => {
    const key = `${apiVersionOf(gvk)} ${gvk.kind}`;
    if (!nodes.has(key)) nodes.set(key, find(crds, gvk));
    return nodes.get(key);
  };
}

function find(crds: Playbook['crds'], { group, version, kind }: GroupVersionKind): SchemaNode | undefined {
  const crd = crds.find(
    ({ spec }) =>
      isObject(spec) && spec['group'] === group && isObject(spec['names']) && spec['names']['kind'] === kind,
  );
  return crd === undefined ? undefined : schemaFromCrd(crd, version);
}
