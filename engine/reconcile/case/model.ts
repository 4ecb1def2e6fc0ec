/** A golden case: what a playbook shall do for one resource, step by step, without a cluster. */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import type { JsonObject, KubeObject } from '../../kube/object.ts';

export interface Case {
  readonly name: string;
  readonly file: string;
  readonly resource: KubeObject;
  /** Epoch ms. */
  readonly now: number;
  readonly observe: Readonly<Record<string, readonly KubeObject[]>>;
  readonly probes: JsonObject;
  readonly objects: readonly KubeObject[];
  readonly steps: readonly CaseStep[];
}

export interface CaseStep {
  readonly name: string;
  readonly place: Place;
  readonly change: CaseChange;
  readonly expect: Expectation;
}

export interface CaseChange {
  readonly resource?: JsonObject;
  readonly children?: Readonly<Record<string, JsonObject | null>>;
  readonly ready?: 'all' | readonly string[];
  readonly observe?: Readonly<Record<string, readonly KubeObject[]>>;
  readonly probes?: JsonObject;
  readonly seconds?: number;
}

export interface ExpectedCondition {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Expectation {
  readonly children?: Readonly<Record<string, JsonObject | null>>;
  readonly writes?: readonly string[];
  readonly conditions?: Readonly<Record<string, string | ExpectedCondition>>;
  readonly status?: JsonObject;
  readonly outcome?: 'done' | 'pending' | 'terminal';
  readonly events?: readonly string[];
}

export type CaseResult =
  | { readonly kind: 'passed'; readonly name: string; readonly file: string }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly file: string;
      readonly problems: readonly Diagnostic[];
    };
