/**
 * What the actions of a resource have done, in an annotation on the resource itself: `kubectl delete actionruns --all`
 * must not run the initial configuration again on a live database. Written when a run has ended.
 */
import { ACTION_STATE_ANNOTATION } from '../../kube/labels.ts';
import { isObject, type JsonObject, type KubeObject } from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, isList, text, wholeNumber } from '../../kube/value.ts';

export interface ActionEvidence {
  /** How many runs have ended; a part of the next run's name. */
  readonly runs: number;
  /** The latest run that is taken in, and when it ended, epoch ms. */
  readonly run?: string;
  readonly at?: number;
  readonly result?: string;
  /** A run of this trigger has succeeded. */
  readonly created?: boolean;
  readonly deleted?: boolean;
  /** By hash of a value of `when` since it was last false: how its run ended. */
  readonly values?: Readonly<Record<string, ValueEvidence>>;
  /** Which schedule is meant, and the latest tick that is done with; epoch ms. */
  readonly schedule?: string;
  readonly tick?: number;
  /** When runs inside the limit's window began, epoch ms. */
  readonly recent?: readonly number[];
}

export interface ValueEvidence {
  readonly result: string;
  /** The resource's generation then. */
  readonly generation: number;
}

export interface Evidence {
  readonly actions: Readonly<Record<string, ActionEvidence>>;
  /** Actions that must run before the resource goes, also when its playbook is gone by then. */
  readonly final: readonly string[];
}

export function parseEvidence(resource: Pick<KubeObject, 'metadata'>): Evidence {
  const annotation = resource.metadata.annotations?.[ACTION_STATE_ANNOTATION];
  const content = annotation === undefined ? {} : parseJson(annotation);
  const actions = getPath(content, ['actions']);
  const final = getPath(content, ['final']);
  return {
    actions: isObject(actions)
      ? Object.fromEntries(Object.entries(actions).map(([name, value]) => [name, parseAction(value)]))
      : {},
    final: isList(final) ? final.flatMap((name) => text(name) ?? []) : [],
  };
}

/** What a person broke counts as nothing: the engine writes it anew. */
function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return {};
  }
}

function parseAction(value: unknown): ActionEvidence {
  const at = (name: string): unknown => getPath(value, [name]);
  const numbers = (name: string): readonly number[] | undefined => {
    const list = at(name);
    return isList(list) ? list.flatMap((item) => wholeNumber(item) ?? []) : undefined;
  };
  const values = at('values');
  return defined({
    runs: wholeNumber(at('runs')) ?? 0,
    run: text(at('run')),
    at: wholeNumber(at('at')),
    result: text(at('result')),
    created: at('created') === true ? true : undefined,
    deleted: at('deleted') === true ? true : undefined,
    values: isObject(values)
      ? Object.fromEntries(Object.entries(values).map(([hash, entry]) => [hash, parseValue(entry)]))
      : undefined,
    schedule: text(at('schedule')),
    tick: wholeNumber(at('tick')),
    recent: numbers('recent'),
  });
}

function parseValue(value: unknown): ValueEvidence {
  return {
    result: text(getPath(value, ['result'])) ?? '',
    generation: wholeNumber(getPath(value, ['generation'])) ?? 0,
  };
}

type Loose<T> = { [K in keyof T]: T[K] | undefined };

/** Without what is undefined; `runs` is always there. */
function defined({ runs, ...rest }: Loose<ActionEvidence> & { readonly runs: number }): ActionEvidence {
  return Object.assign(
    { runs },
    ...Object.entries(rest).map(([name, value]) => (value === undefined ? {} : { [name]: value })),
  );
}

/** The annotation's text; undefined where nothing is worth a word. */
export function printEvidence({ actions, final }: Evidence): string | undefined {
  const told = Object.entries(actions).filter(
    ([, { runs, ...rest }]) => runs > 0 || Object.keys(rest).length > 0,
  );
  if (told.length === 0 && final.length === 0) return undefined;
  const content = asJson({
    ...(told.length === 0 ? {} : { actions: Object.fromEntries(told) }),
    ...(final.length === 0 ? {} : { final }),
  });
  const shown: JsonObject = isJsonObject(content) ? content : {};
  return JSON.stringify(shown);
}

/** Final actions that are still to run. */
export function dueFinals({ actions, final }: Evidence): readonly string[] {
  return final.filter((name) => actions[name]?.deleted !== true);
}
