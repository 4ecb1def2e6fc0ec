/**
 * One roll-out: a new version of a playbook beside the one before it. Says for each resource which of the two works on
 * it, and takes the new one from the sample to all when the sample has stayed Ready, or stops. How far it has come is
 * written down before anything follows from it. Nothing is decided before this process leads: until then each resource
 * is left alone.
 */
import { type Clock, pause } from '../base/clock.ts';
import { insist } from '../base/insist.ts';
import type { Logger } from '../base/logger.ts';
import type { ClusterClient } from '../cluster/api.ts';
import type { Controller } from '../controller/controller.ts';
import type { CompletedPass, Side } from '../controller/versions.ts';
import type { KubeObject } from '../kube/object.ts';
import type { RolloutPolicy } from '../playbook/model.ts';
import type { MayWrite } from './leadership.ts';
import { type Judged, type Judgement, judge, type Verdict, verdictOf } from './rollout-judge.ts';
import {
  type Candidate,
  formerOf,
  type RecordOwner,
  type Revision,
  recordOf,
  writeRecord,
} from './rollout-record.ts';
import { chooseSample, hashOf, isHealthy } from './rollout-sample.ts';

export interface RolloutOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mayWrite: MayWrite;
  readonly owner: RecordOwner;
  readonly policy: RolloutPolicy;
  readonly former: Revision;
  readonly next: Revision;
  /** Told at the beginning and of each phase. */
  readonly onPhase: () => void;
  /** Called once: all have the new version, or the roll-out is another by now. The playbook is to be brought up anew. */
  readonly onOver: () => void;
}

/** Many passes end at once: they are judged together. */
const LOOK_AFTER_MS = 100;

export class Rollout {
  private readonly options: RolloutOptions;
  private readonly ending = new AbortController();
  private readonly sides = new Map<string, Side>();
  private readonly verdicts = new Map<string, { readonly verdict: Verdict; readonly since: number }>();
  private controllers: readonly Controller[] = [];
  private taken: Candidate | undefined;
  /** Epoch ms. */
  private decidedAt = 0;
  private news = Promise.withResolvers<void>();
  private work: Promise<void> = Promise.resolve();
  private isOver = false;

  constructor(options: RolloutOptions) {
    this.options = options;
  }

  get over(): boolean {
    return this.isOver;
  }

  /** How far it is; undefined until that is decided. */
  get candidate(): Candidate | undefined {
    return this.taken;
  }

  /** The controllers work on both versions, and ask here. */
  begin(controllers: readonly Controller[]): void {
    this.controllers = controllers;
    this.work = this.run(this.ending.signal);
  }

  /** Resolves when nothing of it is written any more. */
  async end(): Promise<void> {
    this.ending.abort();
    this.news.resolve();
    await this.work;
  }

  /**
   * Which version works on a resource; `runsSince`: when its runs that go on were made, epoch ms; undefined while they
   * are not known, and nothing is done for the resource by either version.
   */
  sideOf(resource: KubeObject, runsSince: () => readonly number[] | undefined): Side | undefined {
    const { candidate } = this;
    if (candidate === undefined) return undefined;
    const uid = resource.metadata.uid ?? '';
    const sampled = hashOf(uid) < candidate.below;
    const wanted = sampled || candidate.phase === 'Rolling' ? 'next' : 'former';
    const known = this.sides.get(uid);
    if (known === wanted) return wanted;
    const runs = runsSince();
    if (runs === undefined) return known ?? 'former';
    const side = this.move(wanted, { known, sampled, runs });
    this.sides.set(uid, side);
    return side;
  }

  /** A run goes on with the version that it began with; after a restart, its age tells which one that was. */
  private move(
    wanted: Side,
    { known, sampled, runs }: { known: Side | undefined; sampled: boolean; runs: readonly number[] },
  ): Side {
    if (runs.length === 0) return wanted;
    if (known !== undefined) return known;
    const { startedAt = 0, rollingAt = startedAt } = this.candidate ?? {};
    const since = sampled ? startedAt : rollingAt;
    return wanted === 'next' && runs.some((at) => at < since) ? 'former' : wanted;
  }

  passed({ watch, side, resource, plan }: CompletedPass): void {
    const verdict = side === 'next' ? verdictOf(watch, resource, plan) : undefined;
    const uid = resource.metadata.uid ?? '';
    const before = this.verdicts.get(uid);
    if (verdict !== undefined) {
      const since = before?.verdict.kind === verdict.kind ? before.since : this.options.clock.now();
      this.verdicts.set(uid, { verdict, since });
    }
    this.news.resolve();
  }

  private async run(signal: AbortSignal): Promise<void> {
    if (!(await this.options.mayWrite(signal))) return;
    await this.insist(() => this.decide(), signal);
    for (let { candidate } = this; candidate !== undefined; { candidate } = this) {
      if (signal.aborted || this.isOver || candidate.phase === 'Stopped') return;
      await this.step(candidate, signal);
    }
  }

  /** Takes up what is written down, or begins. */
  private async decide(): Promise<void> {
    const { client, owner, former, next, clock } = this.options;
    const record = await recordOf(client, owner);
    if (record !== undefined && formerOf(record, next.content)?.content !== former.content)
      return this.finish();
    this.decidedAt = clock.now();
    const known = record?.candidate?.content === next.content ? record.candidate : undefined;
    const candidate = known ?? this.newCandidate();
    if (known === undefined) {
      // Until it is written down all stay as they are; they are kept so where all have one version.
      if (record?.candidate === undefined) this.take({ ...candidate, below: 0 });
      const previous = record?.previous === undefined ? {} : { previous: record.previous };
      await writeRecord(client, owner, { stable: former, ...previous, candidate });
    }
    this.enter(candidate);
  }

  private newCandidate(): Candidate {
    const { policy, next, clock } = this.options;
    const resources = this.resources().map((resource) => ({
      uid: resource.metadata.uid ?? '',
      healthy: !this.judgesReady || isHealthy(resource),
    }));
    const { version, content } = next;
    return {
      version,
      content,
      phase: 'Canary',
      startedAt: clock.now(),
      ...chooseSample(resources, policy.canary),
    };
  }

  private async step(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    this.news = Promise.withResolvers();
    const { promise: news } = this.news;
    const judgement = this.judge(candidate);
    if (judgement.kind === 'wait') {
      const heard = new AbortController();
      const waiting = AbortSignal.any([signal, heard.signal]);
      await Promise.race([news, pause(clock, Math.max(0, judgement.until - clock.now()), waiting)]);
      heard.abort();
      await pause(clock, LOOK_AFTER_MS, signal);
    } else if (judgement.kind === 'stop') {
      await this.write({ ...candidate, phase: 'Stopped', reason: judgement.reason }, signal);
    } else await this.goOn(candidate, signal);
  }

  private judge(candidate: Candidate): Judgement {
    const { clock, policy } = this.options;
    const now = clock.now();
    const forever = { kind: 'wait', until: now + 86_400_000 } as const;
    if (candidate.phase === 'Rolling') return this.allMoved() ? { kind: 'goOn' } : forever;
    if (candidate.of === 0) return { kind: 'goOn' };
    return judge(this.sample(candidate, now), policy, { begunAt: this.decidedAt, now });
  }

  private sample({ below, startedAt, unhealthy }: Candidate, now: number): readonly Judged[] {
    const leftOut = new Set(unhealthy);
    const judged = this.resources().filter(({ metadata: { uid = '', creationTimestamp = '' } }) => {
      return hashOf(uid) < below && !leftOut.has(uid) && Date.parse(creationTimestamp) <= startedAt;
    });
    return judged.map((resource) => {
      const uid = resource.metadata.uid ?? '';
      // However long a run takes, that is no fault of the new version.
      if (this.sides.get(uid) === 'former') return { resource, verdict: undefined, since: now };
      const { verdict, since = this.decidedAt } = this.verdicts.get(uid) ?? {};
      return { resource, verdict, since };
    });
  }

  /** True where all may have the new version, and none stays with the one before for a run that goes on. */
  private allMoved(): boolean {
    return this.controllers.every((controller) =>
      controller.resources.every((r) => controller.sideOf(r) !== 'former'),
    );
  }

  private async goOn(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { clock, client, owner, former, next } = this.options;
    if (candidate.phase !== 'Rolling')
      await this.write({ ...candidate, phase: 'Rolling', rollingAt: clock.now() }, signal);
    if (signal.aborted || !this.allMoved()) return;
    await this.insist(() => writeRecord(client, owner, { stable: next, previous: former }), signal);
    if (!signal.aborted) this.finish();
  }

  /** First written down, then done. */
  private async write(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { client, owner, former, next } = this.options;
    const rolling = candidate.phase === 'Rolling';
    await this.insist(async () => {
      const record = await recordOf(client, owner);
      const versions = rolling ? { stable: next, previous: former } : { ...record, stable: former };
      await writeRecord(client, owner, { ...versions, candidate });
    }, signal);
    if (!signal.aborted) this.enter(candidate);
  }

  private enter(candidate: Candidate): void {
    this.take(candidate);
    this.options.onPhase();
  }

  private take(candidate: Candidate): void {
    this.taken = candidate;
    for (const controller of this.controllers) controller.refresh();
  }

  private finish(): void {
    this.isOver = true;
    this.options.onOver();
  }

  private async insist(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, logger, owner } = this.options;
    const message = `how far ${owner.name} has been rolled out could not be written down, trying again`;
    await insist({ clock, logger, message, signal }, work);
  }

  private get judgesReady(): boolean {
    return this.controllers.some(({ watch }) => watch.ownsStatus);
  }

  /** Those whose state tells how the new version does. */
  private resources(): readonly KubeObject[] {
    const { judgesReady } = this;
    return this.controllers
      .filter(({ watch }) => watch.ownsStatus || !judgesReady)
      .flatMap((controller) => controller.resources)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }
}
