/**
 * The functions that playbooks have beside jsonata's: `$ready`, `$byName`, `$condition`, `$compareVersions`; and those of
 * jsonata's that had to be made anew, because integers beyond 2^53 come as bigint: `$string`, `$clone`, `&`. All of them
 * are missing where their first argument is.
 */
import { conditionOf } from '../kube/conditions.ts';
import { computeStatus } from '../kube/kstatus.ts';
import { isObject, type KubeObject } from '../kube/object.ts';
import type { Meter } from './expression-meter.ts';
import { disguised, type Focus, type Implementation, type NativeFunction } from './expression-natives.ts';
import { isFunction, typeName } from './expression-value.ts';
import { compareVersions } from './expression-versions.ts';

/** Called for what was `a & b`; no name that a source can say. */
export const CONCATENATE = ' &';
/** Called on a list that jsonata would otherwise mark or fill in place: gives a copy. */
export const OWN_COPY = ' copy';

/** In the order in which they are offered. */
export const PLAYBOOK_FUNCTIONS = [
  'ready',
  'byName',
  'condition',
  'compareVersions',
  'string',
  'clone',
] as const;

type Factory = (meter: Meter) => Implementation;

const FACTORIES: Readonly<Record<string, Factory>> = {
  ready: (meter) => (x) => ready(x, meter),
  byName: (meter) => (list, name) => byName(list, name, meter),
  condition: () => condition,
  compareVersions: () => compare,
  string: (meter) =>
    function (...args) {
      return string(args, this, meter);
    },
  clone: (meter) => (value) => {
    meter.payTree(value);
    return clone(value);
  },
  [CONCATENATE]: (meter) => (a, b) => concatenate(a, b, meter),
  [OWN_COPY]: (meter) => (value) => {
    meter.payValue(value);
    return Array.isArray(value) ? [...value] : value;
  },
};

export function isPlaybookFunction(name: string): boolean {
  return Object.hasOwn(FACTORIES, name);
}

/** The function of that name, paid from `meter`; undefined where there is none. */
export function playbookFunction(name: string, meter: Meter): NativeFunction | undefined {
  const implementation = FACTORIES[name]?.(meter);
  if (implementation === undefined) return undefined;
  // A wrap of its own: what `disguised` notes belongs to this evaluation.
  const call: Implementation = function (...args) {
    return implementation.apply(this, [...args]);
  };
  return disguised(name, call, DECLARATIONS[name] ?? unary);
}

/** What partial application reads: the number of parameters and their names. */
const unary: Implementation = (x) => x;
const binary: Implementation = (a, b) => a ?? b;
const DECLARATIONS: Readonly<Record<string, Implementation>> = {
  byName: binary,
  condition: binary,
  compareVersions: binary,
  string: unary,
};

/** kstatus Current; of a list: all of them, and at least one. What is not there (null in a list of children) is not ready. */
function ready(value: unknown, meter: Meter): boolean | undefined {
  if (value === undefined) return undefined;
  const objects: readonly unknown[] = Array.isArray(value) ? value : [value];
  meter.pay(objects.length * 8);
  return objects.length > 0 && objects.every((object) => isCurrent(object));
}

function isCurrent(object: unknown): boolean {
  if (object === null) return false;
  if (!isKubeObject(object))
    throw new Error(`$ready asks about Kubernetes objects, and this is ${typeName(object)}`);
  return computeStatus(object).status === 'Current';
}

function isKubeObject(value: unknown): value is KubeObject {
  return (
    isObject(value) &&
    typeof value.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    isObject(value.metadata)
  );
}

/** The item whose metadata.name or, for what is no object of Kubernetes, whose name (or key) is `name`. */
function byName(list: unknown, name: unknown, meter: Meter): unknown {
  if (list === undefined || name === undefined) return undefined;
  if (typeof name !== 'string')
    throw new Error(`$byName takes a name as its second argument, and this is ${typeName(name)}`);
  const items: readonly unknown[] = Array.isArray(list) ? list : [list];
  meter.pay(items.length / 4);
  return items.find((item) => nameOf(item) === name);
}

function nameOf(item: unknown): unknown {
  if (!isObject(item)) return undefined;
  const metadata = item.metadata;
  return isObject(metadata) ? metadata.name : (item.name ?? item.key);
}

/** Is the condition "True" or "False"? "Unknown" and no such condition are missing: nothing can be said. */
function condition(object: unknown, type: unknown): boolean | undefined {
  if (object === undefined || object === null || type === undefined) return undefined;
  if (!isObject(object)) throw new Error(`$condition asks about one object, and this is ${typeName(object)}`);
  if (typeof type !== 'string')
    throw new Error(`$condition takes a condition's type, and this is ${typeName(type)}`);
  const status = conditionOf(object, type)?.status;
  return status === 'True' ? true : status === 'False' ? false : undefined;
}

function compare(a: unknown, b: unknown): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  const [left, right] = [versionText(a), versionText(b)];
  const order = compareVersions(left, right);
  if (order !== undefined) return order;
  const wrong = compareVersions(left, left) === undefined ? left : right;
  throw new Error(`$compareVersions: ${JSON.stringify(wrong.slice(0, 60))} is no version`);
}

/** `version: 16` in YAML is a number. */
function versionText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return String(value);
  throw new Error(`$compareVersions takes versions, and this is ${typeName(value)}`);
}

/** `$string(value, prettify)`; without an argument the context value, as jsonata has it. */
function string(args: readonly unknown[], focus: Focus, meter: Meter): string | undefined {
  const [value, prettify] = args.length === 0 ? [focus.input] : args;
  return value === undefined ? undefined : textOf(value, meter, prettify === true ? 2 : 0);
}

function concatenate(a: unknown, b: unknown, meter: Meter): string {
  const text = [a, b].map((part) => (part === undefined ? '' : textOf(part, meter, 0)));
  const length = (text[0]?.length ?? 0) + (text[1]?.length ?? 0);
  meter.pay(1 + length / 64);
  return text.join('');
}

/** As $string of the JSONata specification: JSON, numbers with 15 digits, functions as empty text. bigint is exact. */
function textOf(value: unknown, meter: Meter, indent: number): string {
  if (typeof value === 'string') return value;
  if (isFunction(value)) return '';
  meter.payTree(value);
  return JSON.stringify(value, writable, indent) ?? '';
}

function writable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return JSON.rawJSON(String(value));
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error('a number is out of range');
    return Number.isInteger(value) ? value : Number(value.toPrecision(15));
  }
  return isFunction(value) ? '' : value;
}

/** A copy that a transform (`| … | … |`) may change. Without prototype, so that no key means anything. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) copy[key] = clone(value[key]);
  return copy;
}
