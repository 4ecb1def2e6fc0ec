/** The namespace that the engine lives in: everything of its own stands there. */
import { EngineError } from '../base/errors.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { isForbidden } from '../cluster/errors.ts';

/** Throws an EngineError where it does not exist; who may not look is believed. */
export async function requireNamespace(
  client: Pick<ClusterClient, 'get'>,
  namespace: string,
  hint: string,
): Promise<void> {
  const ref = { group: '', version: 'v1', kind: 'Namespace', name: namespace };
  const found = await client.get(ref).catch((error: unknown) => {
    if (isForbidden(error)) return ref;
    throw error;
  });
  if (found !== undefined) return;
  throw new EngineError('EngineNamespaceMissing', `the engine's namespace ${namespace} does not exist`, {
    hint,
  });
}
