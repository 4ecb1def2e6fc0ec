/**
 * What was worked out of values that never change, for the passes that follow: kept as long as these values are. It
 * takes part in no decision, so that a planner without it decides the same, later.
 */
import { withZeroCounters } from '../kube/counters.ts';
import { contentOf } from '../kube/normalise.ts';
import type { JsonObject, KubeObject } from '../kube/object.ts';
import { nextTicks, type TicksResult } from '../playbook/cron.ts';
import { type CompiledParams, compileParams } from '../playbook/json-schema.ts';
import type { Reference, Watch } from '../playbook/model.ts';
import { type Evidence, parseEvidence } from './actions/evidence.ts';
import { parseRun, type Run } from './actions/run.ts';

/** A rendered tree as it is seen, sent and compared. */
export interface Forms {
  /** In normal form, as other manifests see it through `rendered`. */
  readonly rendered: JsonObject;
  /** What is applied and must stay covered: stamped, hash written on it, without ignored fields. */
  readonly body: JsonObject;
  /** What a POST sends: the body with the ignored fields, which are sent at creation alone. */
  readonly creation: JsonObject;
  readonly hash: string;
}

interface Known {
  /** All that the forms depend on beside the tree. */
  readonly basis: readonly unknown[];
  readonly forms: Forms;
}

/** Of one playbook; the lines are made of its resources' values. */
const MOST_SCHEDULES = 1_000;
const MINUTE_MS = 60_000;

interface KnownTicks {
  readonly minute: number;
  readonly ticks: TicksResult;
}

export class Recall {
  readonly #params = new WeakMap<JsonObject, CompiledParams>();
  readonly #ticks = new Map<string, KnownTicks>();
  readonly #runs = new WeakMap<KubeObject, Run>();
  readonly #counted = new WeakMap<KubeObject, KubeObject>();
  readonly #contents = new WeakMap<KubeObject, JsonObject>();
  readonly #creations = new WeakMap<JsonObject, JsonObject>();
  readonly #evidence = new WeakMap<object, Evidence>();
  readonly #readers = new WeakMap<Watch, readonly Reference[]>();
  readonly #forms = new WeakMap<JsonObject, Known>();

  run(object: KubeObject): Run {
    return kept(this.#runs, object, () => parseRun(object));
  }

  /** The object with the counters that its controller left out. */
  counted(object: KubeObject): KubeObject {
    return kept(this.#counted, object, () => withZeroCounters(object));
  }

  /** The object in normal form. */
  content(object: KubeObject): JsonObject {
    return kept(this.#contents, object, () => contentOf(object));
  }

  /** What a POST of one of the forms sends: one that waits is asked for in each pass. */
  creation(form: JsonObject, make: () => JsonObject): JsonObject {
    return kept(this.#creations, form, make);
  }

  /** What the actions of the resource have done. */
  evidence(resource: Pick<KubeObject, 'metadata'>): Evidence {
    return kept(this.#evidence, resource.metadata, () => parseEvidence(resource));
  }

  /** What each pass of a watch reads. */
  references(watch: Watch, find: () => readonly Reference[]): readonly Reference[] {
    return kept(this.#readers, watch, find);
  }

  /** The check of an action's parameters. */
  params(schema: JsonObject): CompiledParams {
    return kept(this.#params, schema, () => compileParams(schema));
  }

  /** They stand on full minutes, so that those of one time are those of its minute. */
  ticks(schedule: string, zone: string, now: number): TicksResult {
    const key = `${zone} ${schedule}`;
    const minute = Math.floor(now / MINUTE_MS);
    const known = this.#ticks.get(key);
    if (known?.minute === minute) return known.ticks;
    const ticks = nextTicks(schedule, zone, now);
    if (this.#ticks.size >= MOST_SCHEDULES) this.#ticks.clear();
    this.#ticks.set(key, { minute, ticks });
    return ticks;
  }

  /** The forms that were made of this very tree on the same basis, or those that `make` gives. */
  forms(tree: JsonObject, basis: readonly unknown[], make: () => Forms): Forms {
    const known = this.#forms.get(tree);
    if (known?.basis.every((value, index) => Object.is(value, basis[index])) === true) return known.forms;
    const forms = make();
    this.#forms.set(tree, { basis, forms });
    return forms;
  }
}

function kept<Key extends object, Value>(known: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
