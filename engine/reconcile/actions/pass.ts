/** What actions are decided from in one pass, and where their decisions are gathered. */
import { type JsonObject, type KubeObject, type ObjectRef, refOf } from '../../kube/object.ts';
import type { Action, Step } from '../../playbook/action-model.ts';
import type { RunWrite } from '../action-contract.ts';
import type { Blocker } from '../blocker.ts';
import type { Effect } from '../effect.ts';
import type { EventNote } from '../event.ts';
import type { Change } from '../model.ts';
import type { ManifestState } from '../pass-model.ts';
import type { LocalContext, Scope } from '../scope.ts';
import type { ActionEvidence, Evidence } from './evidence.ts';
import type { Run, RunStatus, StepRecord } from './run.ts';
import { statusJson } from './run.ts';
import type { RunSet } from './runs.ts';

export interface ActionPass {
  readonly scope: Scope;
  /** By manifest id. */
  readonly states: ReadonlyMap<string, ManifestState>;
  readonly runs: RunSet;
  readonly evidence: Evidence;
  readonly deleting: boolean;
  /** Why what is in the cluster is not yet what the manifests say; undefined: it is, and may be judged. */
  readonly unsettled: string | undefined;
  readonly output: Output;
}

/** Where a step of a run stands. */
export interface StepAt {
  readonly pass: ActionPass;
  readonly run: Run;
  readonly action: Action;
  readonly step: Step;
  /** As it is stored. */
  readonly record: StepRecord;
  /** `run`, `vars`, and under forEach `item` and `index`. */
  readonly local: LocalContext;
}

export type Progress =
  /** `record`: what is to be remembered of the attempt. `trouble`: told also where the step has a message of its own. */
  | {
      readonly kind: 'going';
      readonly message: string;
      readonly record?: Partial<StepRecord>;
      readonly trouble?: string;
    }
  | { readonly kind: 'done'; readonly result: JsonObject }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string };

export function going(message: string, record?: Partial<StepRecord>): Extract<Progress, { kind: 'going' }> {
  return record === undefined ? { kind: 'going', message } : { kind: 'going', message, record };
}

export function failed(reason: string, message: string): Progress {
  return { kind: 'failed', reason, message };
}

/** Everything that actions want of a plan. */
export class Output {
  readonly runs: RunWrite[] = [];
  readonly effects: Effect[] = [];
  readonly changes: Change[] = [];
  readonly events: EventNote[] = [];
  readonly blockers: Blocker[] = [];
  /** Held status fields that a `set` gives. */
  readonly fields: Record<string, JsonObject[string]> = {};
  /** By probe: a step waits for a round after this, epoch ms. */
  readonly probesAfter = new Map<string, number>();
  readonly wakeAt: number[] = [];
  /** refKeys of what actions make: a refusal of it is remembered. */
  readonly remember = new Set<string>();
  /** Keys of effects whose attempts began in this engine's life. */
  readonly begun = new Set<string>();
  /** By action: what changes in the evidence on the resource. */
  readonly evidence = new Map<string, ActionEvidence>();
  /** By action: since when `when` has its value. */
  readonly holding: Record<string, { readonly value: string; readonly since: number }> = {};
  /** A run begins: nothing else is written. */
  starting = false;

  wake(at: number | undefined): void {
    if (at !== undefined) this.wakeAt.push(at);
  }

  /** Keeps the whole status of a run when it is not what is stored. */
  status(run: Run, status: RunStatus, events: readonly EventNote[] = []): void {
    this.runs.push({
      kind: 'status',
      ref: run.ref,
      uid: run.uid,
      resourceVersion: run.object.metadata.resourceVersion ?? '',
      status: statusJson(run, status),
      events,
    });
  }

  /** Foreground for what the run made: it is gone when its pods are. */
  deleteObject(object: KubeObject, why: string, propagation: 'Foreground' | 'Background'): void {
    const uid = object.metadata.uid ?? '';
    const base = { rank: WORK_RANK, basis: '', why, uid, propagation };
    this.changes.push({ kind: 'delete', ref: refOf(object), ...base });
  }

  apply(
    ref: ObjectRef,
    body: JsonObject,
    {
      fieldManager,
      seen,
      why,
    }: { readonly fieldManager: string; readonly seen: string; readonly why: string },
  ): void {
    const base = { rank: WORK_RANK, basis: '', why, hash: '', proof: '', takes: [] };
    this.changes.push({ kind: 'apply', ref, body, fieldManager, seen, force: true, ...base });
  }
}

/** What actions change comes after what manifests change. */
export const WORK_RANK = 1_000_000;
