/**
 * Writes on ActionRuns, as planned: one after the other. What was done already counts as done: a run's name says which
 * one it is, so a run that exists is the run that was to be created.
 */
import type { ClusterClient } from '../cluster/api.ts';
import { isAlreadyExists, isNotFound } from '../cluster/errors.ts';
import { apiVersionOf, type JsonObject, type KubeObject, refOf } from '../kube/object.ts';
import type { RunWrite } from '../reconcile/model.ts';

export interface RunWritten {
  /** The run as the server has it now; undefined: it is gone. */
  readonly live: KubeObject | undefined;
  /** False where nothing was written, because it was done before. */
  readonly changed: boolean;
}

/** Rejects with an ApiError; a conflict is an older view, and worth another pass. */
export async function sendRunWrite(
  write: RunWrite,
  { client, fieldManager }: { readonly client: ClusterClient; readonly fieldManager: string },
): Promise<RunWritten> {
  try {
    switch (write.kind) {
      case 'create':
        return await createRun(write.body, { client, fieldManager });
      case 'status': {
        const options = { fieldManager, subresource: 'status' };
        return { live: await client.replace(statusBody(write), options), changed: true };
      }
      case 'patch':
        return { live: await client.jsonPatch(write.ref, write.patch, { fieldManager }), changed: true };
      case 'delete':
        await client.delete(write.ref, { uid: write.uid, propagation: 'Background' });
        return { live: undefined, changed: true };
    }
  } catch (error) {
    // A run that somebody deleted needs no write any more; the store will show it.
    if (isNotFound(error) && error.details.name !== undefined && write.kind !== 'create')
      return { live: undefined, changed: false };
    throw error;
  }
}

async function createRun(
  body: JsonObject,
  { client, fieldManager }: { readonly client: ClusterClient; readonly fieldManager: string },
): Promise<RunWritten> {
  try {
    return { live: await client.create(body, { fieldManager }), changed: true };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return { live: await client.get(refOf(body as JsonObject & KubeObject)), changed: false }; // as: the server knew it by its name
  }
}

/** A PUT of the status alone takes nothing else from its body. */
function statusBody(write: Extract<RunWrite, { kind: 'status' }>): KubeObject {
  const { ref, uid, resourceVersion, status } = write;
  const namespace = ref.namespace === undefined ? {} : { namespace: ref.namespace };
  const metadata = { name: ref.name, ...namespace, uid, resourceVersion };
  return { apiVersion: apiVersionOf(ref), kind: ref.kind, metadata, status };
}
