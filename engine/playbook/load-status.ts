/** The noun `status`: fields of the resource's status that the playbook computes or holds. */
import { isMapNode, type LoadNode, type NamedNode } from './load-node.ts';
import { ANYWHERE, expressionAt, type WatchScope } from './load-scope.ts';
import type { StatusField } from './model.ts';

/** Fields of the status that the engine writes. */
const ENGINE_FIELDS = ['conditions', 'observedGeneration'];

export interface PlacedStatusField {
  readonly field: StatusField;
  readonly node: NamedNode;
}

export function loadStatus(scope: WatchScope, node: LoadNode | undefined): readonly PlacedStatusField[] {
  return (node === undefined ? [] : scope.document.entries(node)).flatMap((entry) => {
    if (ENGINE_FIELDS.includes(entry.name)) {
      const message = `status.${entry.name} is written by the engine`;
      scope.problems.error('ReservedStatusField', entry.keyPlace, {
        message,
        hint: 'use the noun health for conditions',
      });
    }
    const field = loadField(scope, entry);
    return field === undefined ? [] : [{ field, node: entry }];
  });
}

function loadField(scope: WatchScope, entry: NamedNode): StatusField | undefined {
  const { name } = entry;
  if (isMapNode(entry)) {
    const initial = expressionAt(scope, scope.document.get(entry, 'initial'), {
      perItem: false,
      stage: 'initial',
    });
    return initial === undefined ? undefined : { kind: 'held', name, initial };
  }
  const value = expressionAt(scope, entry, ANYWHERE);
  return value === undefined ? undefined : { kind: 'projection', name, value };
}
