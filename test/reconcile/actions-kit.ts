/**
 * A world with runs: carries plans out as the engine does (annotations, runs, objects, status, then effects and probes),
 * one plan after another, in a time that the test moves. It answers nothing by itself: Jobs, calls and probes end when
 * the test says so.
 */
import {
  groupKind,
  type Json,
  type JsonObject,
  type KubeObject,
  refKey,
  refOf,
} from '../../engine/kube/object.ts';
import { asJson, getPath } from '../../engine/kube/value.ts';
import type { Watch } from '../../engine/playbook/model.ts';
import type { RunWrite } from '../../engine/reconcile/action-contract.ts';
import type { Effect, EffectOutcome } from '../../engine/reconcile/effect.ts';
import type { EventNote } from '../../engine/reconcile/event.ts';
import { initialMemory } from '../../engine/reconcile/memory.ts';
import type { Plan, ProbeNeed, Snapshot } from '../../engine/reconcile/model.ts';
import { app, isEmpty, World } from './kit.ts';

const WORK = ['Job', 'Pod', 'Secret'];

export class ActionWorld extends World {
  readonly runs = new Map<string, KubeObject>();
  outcomes: Record<string, EffectOutcome> = {};
  /** What goes on now. */
  effects: readonly Effect[] = [];
  /** Every call that ever began. */
  readonly called: Effect[] = [];
  probes: Record<string, Json> = {};
  probedAt: Record<string, number> = {};
  needs: readonly ProbeNeed[] = [];
  readonly events: EventNote[] = [];
  runsSynced = true;
  /** Objects that are being deleted stay until the test lets them go. */
  lingering = false;
  watch: Watch;
  #uids = 0;

  constructor(watch: Watch, spec: JsonObject = {}) {
    super(app(spec));
    this.watch = watch;
  }

  override snapshot(): Snapshot {
    const work = [...this.objects.values()].filter(
      ({ kind, metadata }) => WORK.includes(kind) && metadata.labels?.['libretto.dev/run-uid'] !== undefined,
    );
    return {
      ...super.snapshot(),
      actions: {
        namespace: 'shop',
        runs: { synced: this.runsSynced, objects: [...this.runs.values()] },
        work: { synced: true, objects: work },
        outcomes: this.outcomes,
        probes: this.probes,
        probedAt: this.probedAt,
        select: (gvk, namespace, labels) => ({
          synced: !this.unsynced.has(groupKind(gvk)),
          objects: [...this.objects.values()].filter(
            ({ kind, metadata }) =>
              kind === gvk.kind &&
              metadata.namespace === namespace &&
              Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value),
          ),
        }),
      },
    };
  }

  override carryOut(plan: Plan): void {
    const { annotations = {}, runs = [], effects = [], probeNeeds = [] } = plan.actions ?? {};
    this.#annotate(annotations);
    for (const write of runs) this.#writeRun(write);
    if (this.lingering) {
      for (const change of plan.changes) if (change.kind === 'delete') this.#mark(refKey(change.ref));
      super.carryOut({ ...plan, changes: plan.changes.filter(({ kind }) => kind !== 'delete') });
    } else {
      super.carryOut(plan);
    }
    this.events.push(...plan.events);
    this.#effects(effects);
    this.needs = probeNeeds;
  }

  /** Plans and carries out until nothing changes at this time. */
  async turn(): Promise<Plan> {
    for (let round = 0; round < 60; round++) {
      const before = this.effects.map(({ key }) => key).join();
      const plan = await this.step(this.watch);
      const { runs = [], annotations = {} } = plan.actions ?? {};
      const same = before === this.effects.map(({ key }) => key).join();
      if (isEmpty(plan) && runs.length === 0 && Object.keys(annotations).length === 0 && same) return plan;
    }
    throw new Error('does not come to rest');
  }

  /** Lets time pass, then turns. */
  after(seconds: number): Promise<Plan> {
    this.now += 1000 * seconds;
    return this.turn();
  }

  /** Another engine: what the one before remembered, and what came of its calls, is lost. */
  restart(): void {
    this.memory = initialMemory();
    this.outcomes = {};
    this.effects = [];
    this.probes = {};
    this.probedAt = {};
  }

  request(name: string, action: string, spec: JsonObject = {}): void {
    const resource = { apiVersion: 'example.com/v1', kind: 'App', name: 'web' };
    this.#create({
      apiVersion: 'libretto.dev/v1alpha1',
      kind: 'ActionRun',
      metadata: { name, namespace: 'shop' },
      spec: { resource, action, trigger: 'Request', ...spec },
    });
  }

  /** `abort` or `retry`, as a person sets them. */
  steer(name: string, spec: JsonObject): void {
    const run = this.run(name);
    this.runs.set(name, versioned(run, { spec: asJson({ ...objectOf(run.spec), ...spec }) }));
  }

  run(name: string): KubeObject {
    const found = this.runs.get(name);
    if (found === undefined) throw new Error(`no run ${name}; there are ${[...this.runs.keys()].join(', ')}`);
    return found;
  }

  status(name: string): Record<string, unknown> {
    return objectOf(this.run(name).status);
  }

  phase(name: string): string {
    return String(this.status(name).phase ?? 'none');
  }

  /** `step phase` of each step of a run. */
  steps(name: string): string[] {
    const { steps = [] } = this.status(name);
    return (steps as Record<string, unknown>[]).map((step) => `${step.name} ${step.phase}`);
  }

  /** The runs of an action, oldest first. */
  of(action: string): string[] {
    return [...this.runs.values()]
      .filter(({ spec }) => objectOf(spec).action === action)
      .map((r) => r.metadata.name);
  }

  condition(type: string): Record<string, unknown> | undefined {
    const conditions = getPath(this.resource.status, ['conditions']);
    return (Array.isArray(conditions) ? conditions : []).find((c) => getPath(c, ['type']) === type);
  }

  held(name: string): unknown {
    return getPath(this.resource.status, [name]);
  }

  /** The call that goes on ends so. */
  answer(outcome: { readonly status: number; readonly body?: string }): Promise<Plan> {
    const [effect] = this.effects.filter(({ key }) => this.outcomes[key] === undefined);
    if (effect === undefined) throw new Error('no call goes on');
    const { status, body = '' } = outcome;
    const finishedAt = this.now;
    this.outcomes[effect.key] = { kind: 'http', status, headers: {}, body, truncated: false, finishedAt };
    return this.turn();
  }

  /** The one Job that has not ended ends so; its pod leaves this message. */
  endJob(result: 'Complete' | 'Failed', message = ''): Promise<Plan> {
    const job = this.jobs.find(({ status }) => status === undefined);
    if (job === undefined) throw new Error('no Job runs');
    const conditions = [{ type: result, status: 'True', reason: 'x', message: 'ended' }];
    this.put({ ...job, status: { conditions } });
    const exitCode = result === 'Complete' ? 0 : 1;
    this.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${job.metadata.name}-x`, namespace: 'shop', labels: job.metadata.labels ?? {} },
      status: {
        phase: result === 'Complete' ? 'Succeeded' : 'Failed',
        containerStatuses: [{ name: 'main', state: { terminated: { exitCode, message } } }],
      },
    });
    return this.turn();
  }

  /** It is gone, whoever did it. */
  vanish(...objects: readonly KubeObject[]): void {
    for (const object of objects) this.objects.delete(refKey(refOf(object)));
  }

  get jobs(): readonly KubeObject[] {
    return [...this.objects.values()].filter(({ kind }) => kind === 'Job');
  }

  #annotate(annotations: Readonly<Record<string, string | undefined>>): void {
    const all = { ...this.resource.metadata.annotations, ...annotations };
    const kept = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    if (Object.keys(annotations).length > 0) this.setMeta({ annotations: Object.fromEntries(kept) });
  }

  #writeRun(write: RunWrite): void {
    this.events.push(...write.events);
    if (write.kind === 'create') {
      this.#create(write.body);
      return;
    }
    const run = this.runs.get(write.ref.name);
    if (run === undefined) return;
    if (write.kind === 'delete') this.runs.delete(write.ref.name);
    if (write.kind === 'status') this.runs.set(write.ref.name, versioned(run, { status: write.status }));
    if (write.kind === 'patch') {
      const ownerReferences = write.patch.flatMap(({ op, value }) => (op === 'add' ? value : [])) as never[]; // as: the one patch that is planned
      this.runs.set(write.ref.name, versioned(run, { metadata: { ...run.metadata, ownerReferences } }));
    }
  }

  #create(body: JsonObject): void {
    const run = body as unknown as KubeObject; // as: what a plan creates is an object
    if (this.runs.has(run.metadata.name)) return;
    const uid = `run-${this.#uids++}`;
    const creationTimestamp = new Date(this.now + this.#uids).toISOString();
    this.runs.set(
      run.metadata.name,
      versioned({ ...run, metadata: { ...run.metadata, uid, creationTimestamp } }, {}),
    );
  }

  #mark(key: string): void {
    const found = this.objects.get(key);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(this.now).toISOString();
    this.objects.set(refKey(refOf(found)), { ...found, metadata: { ...found.metadata, deletionTimestamp } });
  }

  #effects(effects: readonly Effect[]): void {
    const before = new Set(this.effects.map(({ key }) => key));
    const listed = effects.filter(({ key, kind }) => kind !== 'keep' || before.has(key));
    for (const effect of listed) if (!before.has(effect.key)) this.called.push(effect);
    this.effects = listed;
    const kept = new Set(listed.map(({ key }) => key));
    this.outcomes = Object.fromEntries(Object.entries(this.outcomes).filter(([key]) => kept.has(key)));
  }
}

function versioned(run: KubeObject, change: Partial<KubeObject>): KubeObject {
  const version = 1 + Number(run.metadata.resourceVersion ?? 0);
  const metadata = { ...(change.metadata ?? run.metadata), resourceVersion: String(version) };
  return { ...run, ...change, metadata };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}; // as: it is one
}
