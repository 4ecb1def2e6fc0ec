/**
 * Applies objects in two steps: each is tried on the server without being kept, then all are sent. What the server would
 * refuse (no right, a missing namespace, a wrong name) is known before anything is written.
 */
import type { ClusterClient } from '../cluster/api.ts';
import { isConflict, isNamespaceMissing, isNotFound } from '../cluster/errors.ts';
import { sameJson } from '../kube/canonical.ts';
import { isObject, type JsonObject, type KubeObject, type ObjectRef, refOf } from '../kube/object.ts';
import { asJson, isJsonObject } from '../kube/value.ts';

export interface WantedObject {
  readonly body: JsonObject;
  readonly fieldManager: string;
  /** Takes fields over from other managers. */
  readonly force: boolean;
  /** Its data is this and nothing else, whoever wrote the rest. */
  readonly exactData: boolean;
}

export interface TriedObject extends WantedObject {
  readonly ref: ObjectRef;
  readonly outcome: 'created' | 'configured' | 'unchanged';
  /** As it is; undefined: not there. */
  readonly live: KubeObject | undefined;
  /** Sent in place of an apply, which would leave what others have written beside it. */
  readonly replacement: KubeObject | undefined;
}

export async function tryObject(client: ClusterClient, wanted: WantedObject): Promise<TriedObject> {
  const { body, fieldManager, force } = wanted;
  const ref = refOf(body as unknown as KubeObject); // as: it has a kind and a name, or the server refuses it
  const live = await client.get(ref);
  const applied = await client
    .apply(body, { fieldManager, force, dryRun: true })
    .catch((error: unknown): undefined => {
      // A binding is looked at together with its role, which is not kept in a trial.
      const isFirst = live === undefined && ref.kind.endsWith('Binding');
      if (isFirst && isNotFound(error) && !isNamespaceMissing(error)) return undefined;
      throw error;
    });
  if (live === undefined || applied === undefined)
    return { ...wanted, ref, live, outcome: 'created', replacement: undefined };
  const replacement = replacementOf(wanted, live, applied);
  const unchanged = replacement === undefined && sameJson(essence(live), essence(applied));
  return { ...wanted, ref, live, outcome: unchanged ? 'unchanged' : 'configured', replacement };
}

/** Looks again where it was edited since, above all by the engine's answer. */
export async function sendObject(client: ClusterClient, tried: TriedObject): Promise<void> {
  let next = tried;
  for (let attempt = 1; ; attempt++) {
    const { body, fieldManager, force, replacement } = next;
    try {
      if (replacement === undefined) await client.apply(body, { fieldManager, force });
      else await client.replace(replacement, { fieldManager });
      return;
    } catch (error) {
      if (replacement === undefined || !isConflict(error) || attempt === MOST_ATTEMPTS) throw error;
    }
    next = await tryObject(client, next);
  }
}

const MOST_ATTEMPTS = 10;

/** One edit, so that nobody reads a mixture of files before and after. */
function replacementOf(
  { body, exactData }: WantedObject,
  live: KubeObject,
  applied: KubeObject,
): KubeObject | undefined {
  if (!exactData) return undefined;
  const wanted = Object.keys(isObject(body['data']) ? body['data'] : {});
  const stays = isObject(applied['data']) ? Object.keys(applied['data']) : [];
  if (stays.length === wanted.length && applied['binaryData'] === undefined) return undefined;
  const { binaryData: _others, ...rest } = applied;
  const { managedFields: _written, ...metadata } = applied.metadata;
  const { resourceVersion } = live.metadata;
  const seen = resourceVersion === undefined ? {} : { resourceVersion };
  return { ...rest, metadata: { ...metadata, ...seen }, data: body['data'] } as KubeObject; // as: an object without binaryData is one
}

/** Without what the server counts and notes. */
function essence(object: KubeObject): JsonObject {
  const tree = asJson(object);
  if (!isJsonObject(tree)) return {};
  const {
    managedFields: _written,
    resourceVersion: _version,
    generation: _count,
    ...metadata
  } = object.metadata;
  return { ...tree, metadata: asJson(metadata) };
}
