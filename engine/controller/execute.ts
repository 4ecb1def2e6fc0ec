/**
 * Carries a Plan out, the only place with effects on the cluster: annotations, finalizer, runs, inventory, changes
 * rank by rank, status, Events. Ranks wait for the one before; inside a rank requests run side by side. It decides nothing: what failed is
 * handed back, folded into the memory that the next plan reads.
 */
import type { ClusterClient } from '../cluster/api.ts';
import { ApiError, isConflict, isForbidden, isNotFound } from '../cluster/errors.ts';
import { FINALIZER, RUN_UID_LABEL } from '../kube/labels.ts';
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
import type { ActionPlan, Change, EventNote, Memory, Plan, RunWrite } from '../reconcile/model.ts';
import type { Expectation } from './expectations.ts';
import type { RunStore } from './run-store.ts';
import { sendRunWrite } from './run-writes.ts';
import { type Sent, sendChange } from './send.ts';
import type { Views } from './views.ts';

/** Where Events go; never fails and never blocks its caller. */
export interface Recorder {
  record(regarding: KubeObject, note: EventNote, related?: ObjectRef): void;
}

export interface ExecutorOptions {
  readonly client: ClusterClient;
  readonly views: Views;
  readonly runs: Pick<RunStore, 'cacheFor'>;
  readonly recorder: Recorder;
  readonly fieldManager: string;
  /** Called before the first change with the kinds that are new to this resource's kind, most often none. */
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
  /** True where every write on runs was carried out: only then may their effects start and end. */
  readonly runsWritten: boolean;
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
    if (input.plan.actions !== undefined) await writeAnnotations(state, input.plan.actions);
    if (input.plan.finalizer !== 'keep') state.saw(await patchFinalizer(input, options), input.resource);
    for (const write of input.plan.actions?.runs ?? []) await writeRun(state, write);
    state.runsWritten = true;
    await options.ensureInventory(input.plan.kinds);
    for (const changes of ranks(input.plan.changes)) {
      if (state.failed) break;
      await Promise.all(changes.map((change) => carryOut(change, state)));
    }
    if (!state.failed) await writeStatus(state);
    if (!state.failed) for (const note of input.plan.events) tell(options.recorder, input.resource, note);
  } catch (error) {
    state.fail(error);
    if (isForbidden(error)) state.deny(error);
  }
  return state.result();
}

function tell(recorder: Recorder, resource: KubeObject, { namespace, ...note }: EventNote): void {
  if (namespace === undefined) {
    recorder.record(resource, note);
    return;
  }
  const place: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  recorder.record(place, note, refOf(resource));
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
  runsWritten = false;
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

  /** The next plan says so, and waits; an Event is for where not even the status may be written. */
  deny({ message }: ApiError): void {
    this.memory = { ...this.memory, denied: { message, at: this.options.now() } };
    const note = { type: 'Warning', reason: 'Forbidden', message } as const;
    this.options.recorder.record(this.input.resource, note);
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
    const { views, runs } = this.options;
    const { namespace, labels } = about.metadata;
    const cache = views.get(gvkOf(about))?.cacheFor(namespace);
    // Runs, and what they made, are read from a store of their own.
    const ofRuns = about.kind === 'ActionRun' || labels?.[RUN_UID_LABEL] !== undefined;
    const caches = [cache, ofRuns ? runs.cacheFor(gvkOf(about), namespace) : undefined];
    if (resourceVersion === undefined) return;
    for (const one of caches)
      if (one !== undefined) this.expectations.push({ kind: 'seen', cache: one, resourceVersion });
  }

  removed(ref: ObjectRef, uid: string): void {
    const { views, runs } = this.options;
    const { namespace, name } = ref;
    for (const cache of [views.get(ref)?.cacheFor(namespace), runs.cacheFor(ref, namespace)])
      if (cache !== undefined) this.expectations.push({ kind: 'gone', cache, namespace, name, uid });
  }

  result(): Execution {
    const { memory, expectations, uncertain, end, runsWritten } = this;
    return { memory, expectations, uncertain, end, runsWritten };
  }
}

async function writeRun(state: Progress, write: RunWrite): Promise<void> {
  const { client, fieldManager, recorder } = state.options;
  const { live, changed } = await sendRunWrite(write, { client, fieldManager });
  if (live !== undefined) state.saw(live, live);
  else if (write.kind === 'delete') state.removed(write.ref, write.uid);
  if (changed) for (const note of write.events) recorder.record(state.input.resource, note);
}

/** Where an annotation stands that is to be removed is known from the stored object; the uid guards against another one. */
async function writeAnnotations(state: Progress, { annotations }: ActionPlan): Promise<void> {
  const { client, fieldManager } = state.options;
  const { resource } = state.input;
  const present = resource.metadata.annotations;
  const operations = Object.entries(annotations).flatMap(([name, value]): JsonObject[] => {
    const path = `/metadata/annotations/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (value !== undefined) return present?.[name] === value ? [] : [{ op: 'add', path, value }];
    return present?.[name] === undefined ? [] : [{ op: 'remove', path }];
  });
  if (operations.length === 0) return;
  // The map as a whole is added only while nobody else has: tied to the resourceVersion.
  const map =
    present === undefined
      ? [
          test('/metadata/resourceVersion', resource.metadata.resourceVersion),
          { op: 'add', path: '/metadata/annotations', value: {} },
        ]
      : [];
  const patch = [test('/metadata/uid', resource.metadata.uid), ...map, ...operations];
  state.saw(await client.jsonPatch(refOf(resource), patch, { fieldManager }), resource);
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
