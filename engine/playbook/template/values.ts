/** Values inside templates: what they are called, as text, as a list, without nulls. */
import type { Json } from '../../kube/object.ts';
import { asJson } from '../../kube/value.ts';

/** A value while a template is evaluated; undefined: absent, to be dropped. */
export type Value = Json | undefined;

/** What went wrong with a value; its place is the expression's. */
export class Failure {
  readonly message: string;
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    this.message = message;
    this.hint = hint;
  }
}

export function kindOf(value: Value): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'boolean':
      return 'a boolean';
    case 'object':
      return 'an object';
    default:
      return 'a number';
  }
}

/** A scalar as text; objects and lists have no text of their own. */
export function textOf(value: Value): string | Failure {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' || value === undefined) {
    return new Failure(
      `${kindOf(value)} cannot be part of a text`,
      'write it as {{json …}}, or alone as a plain value',
    );
  }
  return String(value);
}

export function asList(value: Value): readonly Json[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** The value of a map's or list's own property; undefined for anything else, and for null. */
export function ownValue(value: unknown, key: string): Value {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return asJson(Reflect.get(value, key)) ?? undefined;
}

/** JSON.parse that keeps integers beyond 2^53 exact. Throws SyntaxError. */
export function jsonFrom(text: string): Json {
  return asJson(JSON.parse(text, exactInteger));
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}
