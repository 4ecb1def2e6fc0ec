/**
 * What the API server would refuse in the schema of a CustomResourceDefinition: schemas that are not structural (KEP-1693),
 * and defaults, words and limits that contradict each other. CEL rules are left to it.
 */
import { sameJson } from '../kube/canonical.ts';
import type { Json, JsonObject } from '../kube/object.ts';
import { isJsonObject, isList } from '../kube/value.ts';
import { patternTest } from './expression-regex.ts';
import { didYouMean } from './suggest.ts';

export interface SchemaFault {
  /** Property names from the resource's root; `[]` an item of a list, `{}` a value of a map. */
  readonly path: readonly string[];
  /** The keyword that is wrong; undefined: the field as a whole. */
  readonly keyword?: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Of JSONSchemaProps (apiextensions.k8s.io/v1). */
const KEYWORDS =
  '$ref $schema additionalItems additionalProperties allOf anyOf default definitions dependencies description enum example exclusiveMaximum exclusiveMinimum externalDocs format id items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum multipleOf not nullable oneOf pattern patternProperties properties required title type uniqueItems x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys x-kubernetes-list-type x-kubernetes-map-type x-kubernetes-preserve-unknown-fields x-kubernetes-validations'.split(
    ' ',
  );

export function schemaFaults(schema: JsonObject, path: readonly string[] = []): readonly SchemaFault[] {
  return [...ownFaults(schema, path), ...belowFaults(schema, path)];
}

function belowFaults(schema: JsonObject, path: readonly string[]): readonly SchemaFault[] {
  const { items, additionalProperties } = schema;
  const properties = Object.entries(propertiesOf(schema)).flatMap(([name, below]) =>
    below !== undefined && isJsonObject(below)
      ? schemaFaults(below, [...path, name])
      : [
          {
            path: [...path, name],
            message: `${name} has no schema`,
            hint: 'write for example {type: string}',
          },
        ],
  );
  return [
    ...properties,
    ...(items !== undefined && isJsonObject(items) ? schemaFaults(items, [...path, '[]']) : []),
    ...(additionalProperties !== undefined && isJsonObject(additionalProperties)
      ? schemaFaults(additionalProperties, [...path, '{}'])
      : []),
  ];
}

function ownFaults(schema: JsonObject, path: readonly string[]): readonly SchemaFault[] {
  const found = [
    ...unknownKeywords(schema),
    ...typeFaults(schema),
    ...requiredFaults(schema),
    ...valueFaults(schema),
    ...mapKeyFaults(schema),
  ];
  return found.map((fault) => ({ path, ...fault }));
}

type Fault = Omit<SchemaFault, 'path'>;

function unknownKeywords(schema: JsonObject): readonly Fault[] {
  return Object.keys(schema)
    .filter((keyword) => !KEYWORDS.includes(keyword))
    .map((keyword) => ({
      keyword,
      message: `${keyword} is no keyword of a schema`,
      hint: didYouMean(keyword, KEYWORDS),
    }));
}

function typeFaults(schema: JsonObject): readonly Fault[] {
  const { type, items } = schema;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (type === undefined) {
    if (keeps || schema['x-kubernetes-int-or-string'] === true) return [];
    return [
      { message: 'the field has no type', hint: 'add a type: Kubernetes takes structural schemas alone' },
    ];
  }
  if (typeof type !== 'string' || !TYPES.includes(type))
    return [
      { keyword: 'type', message: `${String(type)} is no type`, hint: didYouMean(String(type), TYPES) },
    ];
  if (type === 'array' && !isJsonObject(items ?? null))
    return [{ message: 'the list does not say what its items are', hint: 'add items: {type: …}' }];
  const both = schema.properties !== undefined && isJsonObject(schema.additionalProperties ?? null);
  return both
    ? [
        {
          keyword: 'additionalProperties',
          message: 'an object has either properties or additionalProperties',
        },
      ]
    : [];
}

function requiredFaults(schema: JsonObject): readonly Fault[] {
  const { required, additionalProperties } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || additionalProperties !== undefined;
  const names = Object.keys(propertiesOf(schema));
  if (!isList(required) || open) return [];
  return required
    .filter((name) => !names.includes(String(name)))
    .map((name) => ({
      keyword: 'required',
      message: `${String(name)} is required and no property, so that no resource could be made`,
      hint: didYouMean(String(name), names),
    }));
}

function mapKeyFaults(schema: JsonObject): readonly Fault[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  const { items } = schema;
  if (!isList(keys) || items === undefined || !isJsonObject(items)) return [];
  const properties = propertiesOf(items);
  const required = isList(items.required) ? items.required : [];
  return keys.flatMap((key): readonly Fault[] => {
    const property = properties[String(key)];
    const keyword = 'x-kubernetes-list-map-keys';
    if (property === undefined)
      return [
        {
          keyword,
          message: `items have no ${String(key)}`,
          hint: didYouMean(String(key), Object.keys(properties)),
        },
      ];
    const given = required.includes(key) || (isJsonObject(property) && property.default !== undefined);
    return given
      ? []
      : [{ keyword, message: `the key ${String(key)} is neither required nor defaulted in the items` }];
  });
}

function valueFaults(schema: JsonObject): readonly Fault[] {
  const { pattern, default: fallback, enum: words } = schema;
  const bad = typeof pattern === 'string' ? patternFault(pattern) : undefined;
  if (bad !== undefined)
    return [{ keyword: 'pattern', message: bad, hint: 'write a regular expression as RE2 takes it' }];
  const limits = LIMITS.flatMap(([low, high]): readonly Fault[] => {
    const [min, max] = [schema[low], schema[high]];
    return typeof min === 'number' && typeof max === 'number' && min > max
      ? [{ keyword: low, message: `${low} ${min} is greater than ${high} ${max}: no value fits` }]
      : [];
  });
  const wrongWords = (isList(words) ? words : []).flatMap((word): readonly Fault[] => {
    const misfit = misfitOf(word, { ...schema, enum: null });
    return misfit === undefined ? [] : [{ keyword: 'enum', message: `${shown(word)} ${misfit}` }];
  });
  const misfit = fallback === undefined ? undefined : misfitOf(fallback, schema);
  const wrongDefault = misfit === undefined ? [] : [{ keyword: 'default', message: `the default ${misfit}` }];
  return [...limits, ...wrongWords, ...wrongDefault];
}

const LIMITS = [
  ['minimum', 'maximum'],
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
  ['minProperties', 'maxProperties'],
] as const;

function patternFault(pattern: string): string | undefined {
  try {
    patternTest(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why a value does not fit, in words behind its name; undefined where it does. */
function misfitOf(value: Json, schema: JsonObject): string | undefined {
  const { type, nullable, enum: words } = schema;
  if (value === null) return nullable === true ? undefined : 'is null';
  if (typeof type === 'string' && !isOfType(value, type)) return `is no ${type}: ${shown(value)}`;
  if (isList(words) && !words.some((word) => sameJson(word, value)))
    return `${shown(value)} is not one of ${words.map(String).join(', ')}`;
  return limitMisfit(value, schema) ?? innerMisfit(value, schema);
}

function isOfType(value: Json, type: string): boolean {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (type === 'integer') return whole;
  if (type === 'array') return isList(value);
  if (type === 'object') return isJsonObject(value);
  return type === (typeof value === 'bigint' ? 'number' : typeof value) || !TYPES.includes(type);
}

function limitMisfit(value: Json, schema: JsonObject): string | undefined {
  const [low, high, size] = measured(value);
  if (size === undefined) return undefined;
  const [min, max] = [schema[low], schema[high]];
  if (typeof min === 'number' && size < min) return `${shown(value)} is below ${low} ${min}`;
  if (typeof max === 'number' && size > max) return `${shown(value)} is beyond ${high} ${max}`;
  if (typeof value !== 'string' || typeof schema.pattern !== 'string') return undefined;
  return patternTest(schema.pattern)(value) ? undefined : `${shown(value)} does not match ${schema.pattern}`;
}

function measured(value: Json): readonly [string, string, number | undefined] {
  if (typeof value === 'string') return ['minLength', 'maxLength', [...value].length];
  if (isList(value)) return ['minItems', 'maxItems', value.length];
  if (isJsonObject(value)) return ['minProperties', 'maxProperties', Object.keys(value).length];
  const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
  return ['minimum', 'maximum', number];
}

function innerMisfit(value: Json, schema: JsonObject): string | undefined {
  const { items, additionalProperties } = schema;
  if (isList(value) && items !== undefined && isJsonObject(items))
    return first(value.map((item) => within('an item', misfitOf(item, items))));
  if (!isJsonObject(value)) return undefined;
  const properties = propertiesOf(schema);
  const open =
    schema['x-kubernetes-preserve-unknown-fields'] === true || Object.keys(properties).length === 0;
  return first(
    Object.entries(value).map(([name, each = null]) => {
      const below = properties[name] ?? additionalProperties;
      if (below !== undefined && isJsonObject(below)) return within(name, misfitOf(each, below));
      return open || additionalProperties === true ? undefined : `has ${name}, which is no property`;
    }),
  );
}

function within(name: string, misfit: string | undefined): string | undefined {
  return misfit === undefined ? undefined : `has ${name} that ${misfit}`;
}

function first(misfits: readonly (string | undefined)[]): string | undefined {
  return misfits.find((each) => each !== undefined);
}

function shown(value: Json): string {
  return typeof value === 'object' && value !== null ? 'the value' : String(value);
}

function propertiesOf({ properties }: JsonObject): JsonObject {
  return properties !== undefined && isJsonObject(properties) ? properties : {};
}
