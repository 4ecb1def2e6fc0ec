/** Held status fields as they are stored: they are in every status that is applied, for an apply without them removes them. */
import type { JsonObject } from '../kube/object.ts';
import { asJson, getPath } from '../kube/value.ts';
import type { Scope } from './scope.ts';

export function heldFields({ watch, snapshot }: Scope): JsonObject {
  const fields = watch.status.flatMap(({ kind, name }) => {
    const stored = getPath(snapshot.resource.status, [name]);
    return kind === 'held' && stored !== undefined ? [[name, asJson(stored)] as const] : [];
  });
  return Object.fromEntries(fields);
}
