/**
 * Carries a Plan out, the only place with effects on the cluster: finalizer, inventory, changes rank by rank, status,
 * Events. Ranks wait for the one before; inside a rank requests run side by side. It decides nothing: what failed is
 * handed back, folded into the memory that the next plan reads.
 */
import type { ClusterClient } from '../cluster/api.ts';
import { ApiError, isConflict, isNotFound } from '../cluster/errors.ts';
import { FINALIZER } from '../kube/labels.ts';
import {
  apiVersionOf,
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refKey,
  refOf,
} from '../kube/object.ts';
import { afterChange, afterStatus } from '../reconcile/memory.ts';
import type { Change, EventNote, Memory, Plan } from '../reconcile/model.ts';
import type { Expectation } from './expectations.ts';
import { type Sent, sendChange } from './send.ts';
import type { Views } from './views.ts';

/** Where Events go; never fails and never blocks its caller. */
export interface Recorder {
  record(regarding: KubeObject, note: EventNote): void;
}

export interface ExecutorOptions {
  readonly client: ClusterClient;
  readonly views: Views;
  readonly recorder: Recorder;
  readonly fieldManager: string;
  /** Called before the first change with the kinds that this pass manages. */
  readonly ensureInventory: (kinds: Plan['kinds']) => Promise<void>;
  readonly onChange: (resource: KubeObject, change: Change, sent: Sent) => void;
  readonly now: () => number;
}

export interface Execution {
  readonly memory: Memory;
  /** What the stores must show before the next pass. */
  readonly expectations: readonly Expectation[];
  /** refKeys of objects whose creation ended without an answer. */
  readonly uncertain: readonly string[];
  readonly end:
    | { readonly kind: 'ok' }
    /** At least one change was refused for good: plan again, so that the status says so. */
    | { readonly kind: 'refused' }
    | { readonly kind: 'transient'; readonly error: unknown; readonly retryAfterMs: number | undefined };
}

export interface ExecuteInput {
  readonly plan: Plan;
  readonly resource: KubeObject;
  /** refKeys whose creation may have happened unseen. */
  readonly uncertain: ReadonlySet<string>;
}

export async function execute(input: ExecuteInput, options: ExecutorOptions): Promise<Execution> {
  const state = new Progress(input, options);
  try {
    if (input.plan.finalizer !== 'keep') state.saw(await patchFinalizer(input, options), input.resource);
    if (input.plan.kinds.length > 0) await options.ensureInventory(input.plan.kinds);
    for (const changes of ranks(input.plan.changes)) {
      if (state.failed) break;
      await Promise.all(changes.map((change) => carryOut(change, state)));
    }
    if (!state.failed) await writeStatus(state);
    if (!state.failed) for (const note of input.plan.events) options.recorder.record(input.resource, note);
  } catch (error) {
    state.fail(error);
  }
  return state.result();
}

/** Groups changes, which come in rank order, by their rank. */
function ranks(changes: readonly Change[]): readonly (readonly Change[])[] {
  return [...Map.groupBy(changes, (c) => c.rank).values()];
}

/** What has happened so far in one execution. */
class Progress {
  readonly input: ExecuteInput;
  readonly options: ExecutorOptions;
  memory: Memory;
  private readonly expectations: Expectation[] = [];
  private readonly uncertain: string[] = [];
  private end: Execution['end'] = { kind: 'ok' };

  constructor(input: ExecuteInput, options: ExecutorOptions) {
    this.input = input;
    this.options = options;
    this.memory = input.plan.memory;
  }

  get failed(): boolean {
    return this.end.kind !== 'ok';
  }

  fail(error: unknown): void {
    const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined;
    this.end = { kind: 'transient', error, retryAfterMs };
  }

  refuse(): void {
    if (this.end.kind === 'ok') this.end = { kind: 'refused' };
  }

  doubt(ref: ObjectRef): void {
    this.uncertain.push(refKey(ref));
  }

  /** The store must catch up with this answer. */
  saw(live: KubeObject | undefined, about: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>): void {
    const resourceVersion = live?.metadata.resourceVersion;
    const cache = this.options.views.get(gvkOf(about))?.cacheFor(about.metadata.namespace);
    if (resourceVersion !== undefined && cache !== undefined)
      this.expectations.push({ kind: 'seen', cache, resourceVersion });
  }

  removed(ref: ObjectRef, uid: string): void {
    const cache = this.options.views.get(ref)?.cacheFor(ref.namespace);
    if (cache !== undefined)
      this.expectations.push({ kind: 'gone', cache, namespace: ref.namespace, name: ref.name, uid });
  }

  result(): Execution {
    const { memory, expectations, uncertain, end } = this;
    return { memory, expectations, uncertain, end };
  }
}

async function carryOut(change: Change, state: Progress): Promise<void> {
  const { client, fieldManager, now, onChange, recorder } = state.options;
  const uncertain = state.input.uncertain.has(refKey(change.ref));
  const sent = await sendChange(change, { client, fieldManager, uncertain });
  onChange(state.input.resource, change, sent);
  switch (sent.kind) {
    case 'done':
      state.memory = afterChange(state.memory, change, { kind: 'succeeded', result: sent.result }, now());
      if (change.kind === 'delete') state.removed(change.ref, change.uid);
      if (sent.live !== undefined) state.saw(sent.live, sent.live);
      if (change.event !== undefined && sent.result !== 'unchanged')
        recorder.record(state.input.resource, change.event);
      return;
    case 'refused':
      state.memory = afterChange(state.memory, change, { kind: 'failed', failure: sent.failure }, now());
      state.refuse();
      return;
    case 'transient':
      if (sent.live !== undefined) state.saw(sent.live, sent.live);
      if (sent.uncertain) state.doubt(change.ref);
      state.fail(sent.error);
  }
}

/**
 * By JSON patch, so that the finalizers of others can't be lost: adding the list, or to it, is tied to the
 * resourceVersion; removing to the very item. A test that fails (422) is an older view: transient, tried again.
 */
async function patchFinalizer(
  { plan, resource }: ExecuteInput,
  options: ExecutorOptions,
): Promise<KubeObject | undefined> {
  const operations = plan.finalizer === 'add' ? addFinalizer(resource) : removeFinalizer(resource);
  if (operations === undefined) return undefined;
  try {
    return await options.client.jsonPatch(refOf(resource), operations, {
      fieldManager: options.fieldManager,
    });
  } catch (error) {
    if (plan.finalizer === 'remove' && isNotFound(error)) return undefined;
    throw error;
  }
}

function addFinalizer({ metadata }: KubeObject): readonly JsonObject[] | undefined {
  const present = metadata.finalizers ?? [];
  if (present.includes(FINALIZER)) return undefined;
  const guard = [
    test('/metadata/uid', metadata.uid),
    test('/metadata/resourceVersion', metadata.resourceVersion),
  ];
  const add =
    present.length === 0
      ? { op: 'add', path: '/metadata/finalizers', value: [FINALIZER] }
      : { op: 'add', path: '/metadata/finalizers/-', value: FINALIZER };
  return [...guard, add];
}

function removeFinalizer({ metadata }: KubeObject): readonly JsonObject[] | undefined {
  const index = (metadata.finalizers ?? []).indexOf(FINALIZER);
  if (index < 0) return undefined;
  const path = `/metadata/finalizers/${index}`;
  return [test('/metadata/uid', metadata.uid), test(path, FINALIZER), { op: 'remove', path }];
}

function test(path: string, value: string | undefined): JsonObject {
  return { op: 'test', path, value: value ?? null };
}

/** Server-side apply with force on /status: the status is ours, and fields no longer wanted go with it. */
async function writeStatus(state: Progress): Promise<void> {
  const { plan, resource } = state.input;
  if (plan.status === undefined) return;
  const { client, fieldManager } = state.options;
  const { name, namespace, uid } = resource.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
  const body = {
    apiVersion: apiVersionOf(gvkOf(resource)),
    kind: resource.kind,
    metadata,
    status: plan.status,
  };
  try {
    const live = await client.apply(body, { fieldManager, force: true, subresource: 'status' });
    state.saw(live, resource);
    state.memory = afterStatus(state.memory, plan.status, statusOf(live));
  } catch (error) {
    // The resource is gone, or another of its name has come: there is nothing to report on.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

function statusOf(live: KubeObject): JsonObject {
  const { status } = live;
  return typeof status === 'object' && status !== null && !Array.isArray(status)
    ? (status as JsonObject)
    : {}; // as: Array.isArray does not narrow readonly arrays
}
