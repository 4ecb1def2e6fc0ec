/** Compiled actions and probes: the day-2 nouns of a watch (see docs/reference for the meaning of each key). */
import type { Place } from '../base/diagnostic.ts';
import type { GroupVersionKind, JsonObject } from '../kube/object.ts';
import type {
  Context,
  Expression,
  NamedExpression,
  Reference,
  Template,
  TemplateString,
} from './language.ts';

/** A structure of literals whose strings may hold `{{ }}`; an absent value takes its pair or item with it. */
export interface TemplateTree {
  readonly place: Place;
  readonly references: readonly Reference[];
  render(context: Context): ReturnType<TemplateString['render']>;
}

/** The names below `run`, in an action's vars and steps and in their templates. */
export const RUN_FIELDS = [
  'name',
  'uid',
  'action',
  'trigger',
  /** The value of `when`, or the time on the schedule, that started the run. */
  'value',
  'tick',
  'startedAt',
  'params',
  /** By step name: the step's outputs; with forEach a list of them; of a `run` step without `outputs` those of the run. */
  'outputs',
  /** In `rollback` alone. */
  'failed',
] as const;

export const FAILED_FIELDS = ['step', 'reason', 'message'] as const;

/**
 * The names below `result`, in a step's `outputs`. `message` is the termination message of a Job's container; `json` is
 * what stdout, body or message says as JSON, missing where it is none; `outputs` are those of the run that a step ran.
 */
export const RESULT_FIELDS: Readonly<Record<StepKind, readonly string[]>> = {
  job: ['exit', 'message', 'json'],
  exec: ['exit', 'stdout', 'stderr', 'json'],
  http: ['status', 'headers', 'body', 'json'],
  run: ['outputs'],
  wait: [],
  set: [],
  delete: [],
  apply: [],
  commit: [],
};

/** What `probes.NAME` holds; with forEach one such object a key, with `key`. */
export const PROBE_FIELDS = ['ok', 'value', 'error', 'at'] as const;

export interface ExecCall {
  readonly pod: TemplateString;
  readonly container?: TemplateString;
  readonly namespace?: TemplateString;
  readonly command: readonly TemplateString[];
  readonly stdin?: TemplateString;
}

export interface HttpCall {
  readonly method: string;
  readonly url: TemplateString;
  readonly headers: Readonly<Record<string, TemplateString>>;
  readonly body?: TemplateTree;
  /** Accepted status codes; default 200–299. */
  readonly expectStatus?: readonly number[];
  /** PEM bundle to trust, as data (for example from a Secret). */
  readonly ca?: TemplateString;
}

export interface Probe {
  readonly name: string;
  readonly place: Place;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
  readonly forEach?: Expression;
  readonly key?: Expression;
  readonly call: ({ readonly kind: 'exec' } & ExecCall) | ({ readonly kind: 'http' } & HttpCall);
  readonly parse: 'json' | 'text';
}

export interface Trigger {
  readonly create: boolean;
  readonly delete: boolean;
  readonly request: boolean;
  readonly when?: Expression;
  /** How long `when` must hold before a run starts. */
  readonly forSeconds: number;
  readonly schedule?: TemplateString;
  readonly timeZone?: TemplateString;
  /** Random-looking but fixed delay per resource, at most so many seconds. */
  readonly jitterSeconds: number;
  readonly suspend?: Expression;
}

interface StepBase {
  /** Unique in the action; default `<kind>` or `<kind>-<n>` by position. */
  readonly name: string;
  readonly place: Place;
  readonly when?: Expression;
  readonly unless?: Expression;
  readonly forEach?: Expression;
  readonly timeoutSeconds?: number;
  readonly retries: number;
  /** In dependency order; `vars.NAME` in the expression of NAME itself is the value around. */
  readonly vars: readonly NamedExpression[];
  readonly outputs: readonly NamedExpression[];
  /** Names among `outputs` whose values live in a Secret owned by the run. */
  readonly secretOutputs: readonly string[];
  readonly message?: TemplateString;
  /** Hash of the step's source and of its template's text: a changed step halts a run that had reached it. */
  readonly digest: string;
}

export type StepKind = Step['kind'];

export type Step = StepBase &
  (
    | { readonly kind: 'job'; readonly template: Template }
    | ({ readonly kind: 'exec' } & ExecCall)
    | ({ readonly kind: 'http' } & HttpCall)
    | { readonly kind: 'wait'; readonly until: Expression }
    | { readonly kind: 'set'; readonly fields: readonly NamedExpression[] }
    | { readonly kind: 'delete'; readonly target: DeleteTarget }
    | { readonly kind: 'run'; readonly action: string; readonly params?: TemplateTree }
    | { readonly kind: 'apply'; readonly template: Template }
    /** From here on a failure no longer rolls back. */
    | { readonly kind: 'commit' }
  );

export interface DeleteTarget {
  readonly gvk: GroupVersionKind;
  readonly namespace?: TemplateString;
  readonly by:
    | { readonly kind: 'name'; readonly name: TemplateString }
    | { readonly kind: 'selector'; readonly labels: Readonly<Record<string, TemplateString>> };
  /** Draws so many of the targets by a hash of run UID and object UID. */
  readonly random?: number;
}

export interface Action {
  readonly name: string;
  readonly place: Place;
  readonly on: Trigger;
  /** JSON Schema of a run's parameters; checked by `compileParams` (json-schema.ts). */
  readonly params?: JsonObject;
  readonly vars: readonly NamedExpression[];
  readonly steps: readonly Step[];
  readonly rollback: readonly Step[];
  /** Manifest ids (ready) or action names (succeeded) that must come first. */
  readonly after: readonly string[];
  readonly interrupts: readonly string[];
  /** At most `times` runs within `perSeconds`; then Stalled. */
  readonly limit?: { readonly times: number; readonly perSeconds: number };
  /** How many finished runs are kept. */
  readonly history: number;
}
