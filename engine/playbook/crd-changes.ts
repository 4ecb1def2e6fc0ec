/**
 * What a new CustomResourceDefinition makes incompatible with the one before: what the API server would drop or refuse of
 * resources that exist. `status` is left out, which the engine writes anew. Pure: two definitions in, findings out.
 */

import { sameJson } from '../kube/canonical.ts';
import type { Json, JsonObject, KubeObject } from '../kube/object.ts';
import { asJson, getPath, isJsonObject, isList } from '../kube/value.ts';

export const CRD_CHANGES = [
  'FieldRemoved',
  'FieldTypeChanged',
  'EnumNarrowed',
  'LimitTightened',
  'FieldNowRequired',
  'FieldNowImmutable',
  'MergeChanged',
  'VersionDropped',
  'StorageVersionChanged',
  'ScopeChanged',
] as const;

export interface CrdChange {
  readonly code: (typeof CRD_CHANGES)[number];
  readonly version: string;
  /** Property names from the resource's root; `[]` an item of a list, `{}` a value of a map. */
  readonly path: readonly string[];
  readonly message: string;
  /** What resources that exist would suffer. */
  readonly effect: string;
  /** Is a value there that the new schema does not take? Undefined: no resource that lies still suffers. */
  readonly breaks?: (resource: KubeObject) => boolean;
}

export function crdChanges(before: KubeObject, after: KubeObject): readonly CrdChange[] {
  const [old, now] = [versionsOf(before), versionsOf(after)];
  const storage = (versions: readonly JsonObject[]): string =>
    String(versions.find((version) => version.storage === true)?.name ?? '');
  return [
    ...scopeChange(before, after, storage(now)),
    ...old.flatMap((version) => versionChanges(version, now)),
    ...(storage(old) === storage(now) || storage(now) === ''
      ? []
      : [
          {
            code: 'StorageVersionChanged' as const,
            version: storage(now),
            path: [],
            message: `resources are stored as ${storage(now)}, no longer as ${storage(old)}`,
            effect: `each stays stored as ${storage(old)} until it is written again, so keep that version in the definition`,
          },
        ]),
  ];
}

function versionsOf({ spec }: KubeObject): readonly JsonObject[] {
  const versions = asJson(getPath(spec, ['versions']) ?? null);
  return isList(versions) ? versions.filter(isJsonObject) : [];
}

function scopeChange(before: KubeObject, after: KubeObject, version: string): readonly CrdChange[] {
  const [old, now] = [before, after].map(({ spec }) => getPath(spec, ['scope']));
  if (old === now) return [];
  const message = `the kind is ${String(now)}, no longer ${String(old)}`;
  const effect =
    'the API server refuses this: the definition must be deleted first, and all resources with it';
  return [{ code: 'ScopeChanged', version, path: [], message, effect }];
}

function versionChanges(old: JsonObject, now: readonly JsonObject[]): readonly CrdChange[] {
  const name = String(old.name);
  const same = now.find((version) => version.name === old.name);
  if (old.served !== true) return [];
  if (same?.served !== true) {
    const message = `version ${name} is no longer ${same === undefined ? 'defined' : 'served'}`;
    const effect = 'whoever reads or writes resources in this version, playbooks too, gets 404';
    return [{ code: 'VersionDropped', version: name, path: [], message, effect }];
  }
  const root = (version: JsonObject): JsonObject => {
    const schema = asJson(getPath(version, ['schema', 'openAPIV3Schema']) ?? null);
    return isJsonObject(schema) ? schema : {};
  };
  return nodeChanges(root(old), root(same), { version: name, path: [] });
}

interface At {
  readonly version: string;
  readonly path: readonly string[];
}

function nodeChanges(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const [was, is] = [typeOf(old), typeOf(now)];
  if (was !== is && is !== undefined && !(was === 'integer' && is === 'number')) {
    if (is === 'intOrString' && (was === 'integer' || was === 'string')) return [];
    const message = `${shown(at.path)} is ${worded(is)}, no longer ${worded(was)}`;
    const effect = 'a resource with a value of the old type is refused when it is next written';
    return [
      {
        code: 'FieldTypeChanged',
        ...at,
        message,
        effect,
        breaks: holds(at.path, (value) => !fits(value, is)),
      },
    ];
  }
  return [
    ...enumChange(old, now, at),
    ...limitChanges(old, now, at),
    ...mergeChange(old, now, at),
    ...immutableChange(old, now, at),
    ...propertyChanges(old, now, at),
    ...below(old.items, now.items, at, '[]'),
    ...below(old.additionalProperties, now.additionalProperties, at, '{}'),
  ];
}

function below(old: Json | undefined, now: Json | undefined, at: At, step: string): readonly CrdChange[] {
  if (!isJsonObject(old) || !isJsonObject(now)) return [];
  return nodeChanges(old, now, { ...at, path: [...at.path, step] });
}

function propertyChanges(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const [before, after] = [propertiesOf(old), propertiesOf(now)];
  const keepsUnknown =
    now['x-kubernetes-preserve-unknown-fields'] === true || isJsonObject(now.additionalProperties);
  const known = Object.entries(before).flatMap(([name, schema]): readonly CrdChange[] => {
    if (at.path.length === 0 && (name === 'status' || name === 'metadata')) return [];
    const next = after[name];
    const path = [...at.path, name];
    if (isJsonObject(schema) && isJsonObject(next)) return nodeChanges(schema, next, { ...at, path });
    if (next !== undefined || keepsUnknown) return [];
    const message = `${shown(path)} is no longer there`;
    const effect = 'the API server drops its value when a resource that has one is next written';
    return [
      { code: 'FieldRemoved', version: at.version, path, message, effect, breaks: holds(path, () => true) },
    ];
  });
  return [...known, ...requiredChanges(old, now, at)];
}

function requiredChanges(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const before = textsOf(old.required);
  return textsOf(now.required).flatMap((name): readonly CrdChange[] => {
    const schema = propertiesOf(now)[name];
    const defaulted = isJsonObject(schema) && schema.default !== undefined;
    if (before.includes(name) || defaulted) return [];
    const path = [...at.path, name];
    const lacks = (value: Json): boolean => isJsonObject(value) && value[name] === undefined;
    const message = `${shown(path)} must be there, and has no default`;
    const effect = 'a resource without it is refused when it is next written';
    return [
      { code: 'FieldNowRequired', version: at.version, path, message, effect, breaks: holds(at.path, lacks) },
    ];
  });
}

function enumChange(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  if (!isList(now.enum)) return [];
  const allowed = now.enum;
  const isAllowed = (value: Json): boolean => allowed.some((each) => sameJson(each, value));
  const gone = isList(old.enum) ? old.enum.filter((value) => !isAllowed(value)) : undefined;
  if (gone?.length === 0) return [];
  const words =
    gone === undefined
      ? `only ${allowed.map(String).join(', ')}`
      : `no longer ${gone.map(String).join(', ')}`;
  const message = `${shown(at.path)} takes ${words}`;
  const effect = 'a resource with another value is refused when it is next written';
  return [
    { code: 'EnumNarrowed', ...at, message, effect, breaks: holds(at.path, (value) => !isAllowed(value)) },
  ];
}

type Measure = (value: Json) => number | undefined;
const number: Measure = (value) =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
const letters: Measure = (value) => (typeof value === 'string' ? [...value].length : undefined);
const items: Measure = (value) => (isList(value) ? value.length : undefined);
const members: Measure = (value) => (isJsonObject(value) ? Object.keys(value).length : undefined);

const LIMITS: readonly (readonly [string, 1 | -1, Measure])[] = [
  ['minimum', -1, number],
  ['maximum', 1, number],
  ['minLength', -1, letters],
  ['maxLength', 1, letters],
  ['minItems', -1, items],
  ['maxItems', 1, items],
  ['minProperties', -1, members],
  ['maxProperties', 1, members],
];

function limitChanges(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const limits = LIMITS.flatMap(([name, sign, measure]): readonly CrdChange[] => {
    const [was, is] = [number(old[name] ?? null), number(now[name] ?? null)];
    if (is === undefined || (was !== undefined && sign * is >= sign * was)) return [];
    const outside = (value: Json): boolean => sign * (measure(value) ?? is) > sign * is;
    return [
      tightened(
        at,
        `${name} of ${shown(at.path)} is ${is}${was === undefined ? '' : `, no longer ${was}`}`,
        outside,
      ),
    ];
  });
  if (typeof now.pattern !== 'string' || now.pattern === old.pattern) return limits;
  // RE2 patterns of a schema are not evaluated here: what they refuse is left to the API server.
  return [...limits, tightened(at, `${shown(at.path)} must match ${now.pattern}`)];
}

function tightened(at: At, message: string, outside?: (value: Json) => boolean): CrdChange {
  const effect = 'a resource beyond it is refused when it is next written';
  const breaks = outside === undefined ? {} : { breaks: holds(at.path, outside) };
  return { code: 'LimitTightened', ...at, message, effect, ...breaks };
}

function mergeChange(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const keys = ['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'];
  const changed = keys.filter((key) => !sameJson(old[key] ?? null, now[key] ?? null));
  const [first] = changed;
  if (first === undefined) return [];
  const said = changed.map(
    (key) => `${key.replace('x-kubernetes-', '')}: ${JSON.stringify(now[key] ?? 'default')}`,
  );
  const message = `${shown(at.path)} is merged otherwise: ${said.join(', ')}`;
  const effect =
    'server-side apply tells owners of its parts otherwise: what two managers wrote may be doubled or lost, and repeated keys are refused';
  return [{ code: 'MergeChanged', ...at, message, effect }];
}

/** Rules that speak of the value before: immutability, by hand or by the short schema's `immutable`. */
function immutableChange(old: JsonObject, now: JsonObject, at: At): readonly CrdChange[] {
  const rules = (schema: JsonObject): readonly JsonObject[] => {
    const found = schema['x-kubernetes-validations'];
    return isList(found) ? found.filter(isJsonObject) : [];
  };
  const before = rules(old).map(({ rule }) => rule);
  return rules(now).flatMap(({ rule, message, fieldPath }): readonly CrdChange[] => {
    if (before.includes(rule) || !String(rule).includes('oldSelf')) return [];
    const field = typeof fieldPath === 'string' ? fieldPath.replace(/^\./, '') : undefined;
    const path = field === undefined ? at.path : [...at.path, field];
    const text = `${shown(path)}: ${String(message ?? rule)}`;
    const effect = 'resources stay valid, but their values are fixed from now on';
    return [{ code: 'FieldNowImmutable', version: at.version, path, message: text, effect }];
  });
}

/** Does any value at the path make it so? */
function holds(path: readonly string[], broken: (value: Json) => boolean): (resource: KubeObject) => boolean {
  return (resource) => valuesAt(asJson(resource), path).some(broken);
}

function valuesAt(value: Json, path: readonly string[]): readonly Json[] {
  const [step, ...rest] = path;
  if (step === undefined) return [value];
  if (step === '[]') return isList(value) ? value.flatMap((item) => valuesAt(item, rest)) : [];
  if (!isJsonObject(value)) return [];
  if (step === '{}')
    return Object.values(value).flatMap((each) => (each === undefined ? [] : valuesAt(each, rest)));
  const next = value[step];
  return next === undefined ? [] : valuesAt(next, rest);
}

function typeOf(schema: JsonObject): string | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return 'intOrString';
  return typeof schema.type === 'string' ? schema.type : undefined;
}

function fits(value: Json, type: string): boolean {
  switch (type) {
    case 'intOrString':
      return typeof value === 'string' || number(value) !== undefined;
    case 'integer':
      return Number.isInteger(number(value));
    case 'number':
      return number(value) !== undefined;
    case 'array':
      return isList(value);
    case 'object':
      return isJsonObject(value);
    default:
      return typeof value === type;
  }
}

function worded(type: string | undefined): string {
  if (type === undefined) return 'of any type';
  return type === 'intOrString' ? 'an integer or a string' : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

function propertiesOf({ properties }: JsonObject): JsonObject {
  return isJsonObject(properties) ? properties : {};
}

function textsOf(list: Json | undefined): readonly string[] {
  return isList(list) ? list.filter((each) => typeof each === 'string') : [];
}

/** `spec.users[].name`. */
export function shown(path: readonly string[]): string {
  return path.length === 0 ? 'the resource' : path.join('.').replaceAll('.[]', '[]').replaceAll('.{}', '{}');
}
