/** A golden case: what a playbook shall do for one resource, step by step, without a cluster. */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { JsonObject, KubeObject } from '../../kube/object.ts';
import type { Answers } from './answers.ts';

export interface Case {
  readonly name: string;
  readonly file: string;
  readonly resource: KubeObject;
  /** Epoch ms. */
  readonly now: number;
  readonly observe: Observed;
  readonly probes: JsonObject;
  readonly objects: readonly KubeObject[];
  readonly steps: readonly CaseStep[];
  /** True where the steps stand in a list `steps`; false: one `expect` is the case. */
  readonly listed?: boolean;
}

/** By observation. */
export type Observed = Readonly<Record<string, readonly KubeObject[]>>;

export interface CaseStep {
  readonly name: string;
  readonly place: Place;
  /** Where a part of `expect` stands. */
  readonly placeOf?: (path: readonly (string | number)[]) => Place;
  readonly change: CaseChange;
  readonly expect: Expectation;
}

export interface RequestedRun {
  readonly action: string;
  readonly params?: JsonObject;
  readonly name?: string;
}

export interface CaseChange {
  readonly resource?: JsonObject;
  readonly create?: true;
  readonly delete?: true;
  readonly children?: Readonly<Record<string, JsonObject | null>>;
  readonly ready?: 'all' | 'always' | readonly string[];
  readonly observe?: Observed;
  readonly probes?: JsonObject;
  readonly request?: string | RequestedRun | readonly RequestedRun[];
  readonly runs?: Readonly<Record<string, JsonObject | null>>;
  readonly answers?: Answers;
  readonly restart?: true;
  readonly seconds?: number;
}

export interface ExpectedCondition {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A phase, or parts of the run; a message holds when it is contained. */
export type ExpectedRun = string | JsonObject;

export interface Expectation {
  readonly children?: Readonly<Record<string, JsonObject | null>>;
  readonly objects?: Readonly<Record<string, JsonObject | null>>;
  readonly writes?: readonly string[];
  readonly conditions?: Readonly<Record<string, string | ExpectedCondition | null>>;
  readonly status?: JsonObject;
  readonly runs?: Readonly<Record<string, ExpectedRun | readonly ExpectedRun[] | null>>;
  readonly calls?: Readonly<Record<string, JsonObject | null>>;
  readonly jobs?: Readonly<Record<string, JsonObject | null>>;
  readonly outcome?: 'done' | 'pending' | 'terminal';
  readonly events?: readonly string[];
  readonly gone?: boolean;
}

export interface CaseResult {
  readonly kind: 'passed' | 'failed';
  readonly name: string;
  readonly file: string;
  /** All of the case, those of its steps too. */
  readonly problems: readonly Diagnostic[];
  /** In their order. */
  readonly steps: readonly StepResult[];
}

export interface StepResult {
  readonly name: string;
  readonly place: Place;
  /** `skipped`: a step before it failed. */
  readonly result: 'passed' | 'failed' | 'skipped';
  readonly problems: readonly Diagnostic[];
  /** 0 where no clock was given. */
  readonly milliseconds: number;
}
