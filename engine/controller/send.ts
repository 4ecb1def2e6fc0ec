/**
 * One change of a plan as requests, and what the API server's answer means. Nothing is decided here: a Change says
 * what to send, `Sent` says what became of it. An unknown outcome (no answer, 504) costs one consistent GET.
 */
import type { ClusterClient } from '../cluster/api.ts';
import {
  ApiError,
  fieldConflicts,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceMissing,
  isNamespaceTerminating,
  isNotFound,
} from '../cluster/errors.ts';
import { HASH_ANNOTATION, OWNER_UID_LABEL } from '../kube/labels.ts';
import { isObject, type JsonObject, type KubeObject, type ObjectRef } from '../kube/object.ts';
import type { Change, ChangeFailure, ChangeResult } from '../reconcile/model.ts';

export type Sent =
  /** `live`: the object as the server returned it; absent where it was deleted. */
  | { readonly kind: 'done'; readonly result: ChangeResult; readonly live: KubeObject | undefined }
  /** The server refused for good: the next plan must know. */
  | { readonly kind: 'refused'; readonly failure: ChangeFailure }
  /** Worth trying again. `live`: what an unknown outcome turned out to be, as far as known. */
  | {
      readonly kind: 'transient';
      readonly error: unknown;
      readonly live?: KubeObject;
      readonly uncertain: boolean;
    };

export interface Sender {
  readonly client: ClusterClient;
  readonly fieldManager: string;
  /** True where an earlier create of this object ended without an answer: AlreadyExists may then mean ours. */
  readonly uncertain: boolean;
}

export async function sendChange(change: Change, sender: Sender): Promise<Sent> {
  try {
    return await send(change, sender);
  } catch (error) {
    return await explain(change, error, sender);
  }
}

async function send(change: Change, { client, fieldManager }: Sender): Promise<Sent> {
  switch (change.kind) {
    case 'create':
      return done('created', await client.create(change.body, { fieldManager }));
    case 'apply':
      return await sendApply(change, client);
    case 'release':
      return done(
        'configured',
        await client.apply(releaseBody(change.ref, change.uid), {
          fieldManager: change.fieldManager,
          force: false,
        }),
      );
    case 'delete':
      await client.delete(change.ref, { uid: change.uid, propagation: change.propagation });
      return done('deleted', undefined);
    case 'orphan':
    case 'mark':
      return done(
        'configured',
        await client.jsonPatch(change.ref, change.patch, { fieldManager: `${fieldManager}-mark` }),
      );
  }
}

function done(result: ChangeResult, live: KubeObject | undefined): Sent {
  return { kind: 'done', result, live };
}

/** Adoption of our Update entry, then the hand-over of what we give up, then the apply itself. */
async function sendApply(change: Extract<Change, { kind: 'apply' }>, client: ClusterClient): Promise<Sent> {
  const { fieldManager, adopt } = change;
  if (adopt !== undefined) {
    try {
      await client.jsonPatch(change.ref, adoptPatch(adopt), { fieldManager });
    } catch (error) {
      // 422 of a JSON patch is its test that failed: the object has changed since. The next view decides anew.
      if (isInvalid(error)) return transient(error);
      throw error;
    }
  }
  if (change.handOver !== undefined) {
    await client.apply(change.handOver, { fieldManager: `${fieldManager}-handover`, force: true });
  }
  const live = await client.apply(change.body, { fieldManager, force: change.force });
  const same =
    adopt === undefined && change.handOver === undefined && live.metadata.resourceVersion === change.seen;
  return done(same ? 'unchanged' : 'configured', live);
}

type Adoption = NonNullable<Extract<Change, { kind: 'apply' }>['adopt']>;

function adoptPatch(adopt: Adoption): readonly JsonObject[] {
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: adopt.resourceVersion },
    { op: 'replace', path: `/metadata/managedFields/${adopt.entryIndex}`, value: adopt.entry },
  ];
}

/** An apply that claims nothing gives up every field of its manager; the uid keeps it from creating an object. */
function releaseBody(ref: ObjectRef, uid: string): JsonObject {
  const namespace = ref.namespace === undefined ? {} : { namespace: ref.namespace };
  const apiVersion = ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;
  return { apiVersion, kind: ref.kind, metadata: { name: ref.name, ...namespace, uid } };
}

async function explain(change: Change, error: unknown, sender: Sender): Promise<Sent> {
  if (error instanceof ApiError && error.outcome === 'unknown')
    return await lookAfterwards(change, error, sender);
  const goneAlready = change.kind === 'delete' || change.kind === 'release' || change.kind === 'orphan';
  if (goneAlready && (isNotFound(error) || isConflict(error))) {
    // 409 is the uid precondition: another object has the name by now, and it is not what was to be changed.
    return change.kind === 'delete' || isNotFound(error) ? done('deleted', undefined) : transient(error);
  }
  if (isNamespaceMissing(error) || isNamespaceTerminating(error)) return transient(error);
  if (change.kind === 'create' && isAlreadyExists(error)) return await nameTaken(change, error, sender);
  if (change.kind === 'apply' && fieldConflicts(error).length > 0)
    return refused({ kind: 'conflict', message: error instanceof Error ? error.message : '' });
  if (isForbidden(error)) return refused({ kind: 'forbidden', message: error.message });
  if ((change.kind === 'create' || change.kind === 'apply') && (isInvalid(error) || isBadRequest(error)))
    return await invalid(change, error, sender);
  return transient(error);
}

function transient(error: unknown, live?: KubeObject, uncertain = false): Sent {
  return { kind: 'transient', error, uncertain, ...(live === undefined ? {} : { live }) };
}

function refused(failure: ChangeFailure): Sent {
  return { kind: 'refused', failure };
}

/** 400: the body does not decode (a string where a number belongs). Nobody but the user can change that. */
function isBadRequest(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 400;
}

async function nameTaken(
  change: Extract<Change, { kind: 'create' }>,
  error: ApiError,
  sender: Sender,
): Promise<Sent> {
  if (!sender.uncertain) return refused({ kind: 'alreadyExists', message: error.message });
  const live = await sender.client.get(change.ref);
  if (live === undefined) return transient(error);
  return isOurCreate(change, live)
    ? done('created', live)
    : refused({ kind: 'alreadyExists', message: error.message });
}

/** Whether the object that is there now is the one that this create asked for. */
function isOurCreate(change: Extract<Change, { kind: 'create' }>, live: KubeObject): boolean {
  const wanted = isObject(change.body['metadata']) ? change.body['metadata'] : {};
  const labels = isObject(wanted['labels']) ? wanted['labels'] : {};
  const { metadata } = live;
  return (
    metadata.labels?.[OWNER_UID_LABEL] === labels[OWNER_UID_LABEL] &&
    metadata.annotations?.[HASH_ANNOTATION] === change.hash
  );
}

/** The server may have carried the write out: look once, so that the next pass does not act on an older view. */
async function lookAfterwards(change: Change, error: ApiError, sender: Sender): Promise<Sent> {
  let live: KubeObject | undefined;
  try {
    live = await sender.client.get(change.ref);
  } catch {
    return transient(error, undefined, true);
  }
  if (change.kind === 'create' && live !== undefined && isOurCreate(change, live))
    return done('created', live);
  if (
    change.kind === 'delete' &&
    (live === undefined || live.metadata.uid !== change.uid || live.metadata.deletionTimestamp !== undefined)
  ) {
    return done('deleted', undefined);
  }
  // A create may still be on its way through the server although the name reads as free now.
  return transient(error, live, change.kind === 'create');
}

/** Told apart by a dry run: a body that would be accepted as a new object meets AlreadyExists, an invalid one Invalid. */
async function invalid(
  change: Extract<Change, { kind: 'create' | 'apply' }>,
  error: ApiError,
  sender: Sender,
): Promise<Sent> {
  const immutable = change.kind === 'apply' && isInvalid(error) && (await wouldCreate(change.body, sender));
  return refused({ kind: 'invalid', immutable, message: error.message });
}

async function wouldCreate(body: JsonObject, { client, fieldManager }: Sender): Promise<boolean> {
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  const { uid: _uid, resourceVersion: _version, ...rest } = metadata as JsonObject; // as: isObject loses that it came out of JSON
  try {
    await client.create({ ...body, metadata: rest }, { fieldManager, dryRun: true });
    return true;
  } catch (error) {
    return isAlreadyExists(error);
  }
}
