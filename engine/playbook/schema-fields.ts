/** Fields of a short schema as OpenAPI v3: `integer`, `[string]`, `{type: string, enum: [...]}`, `{fields: {...}}`. */
import type { Json, JsonObject } from '../kube/object.ts';
import { checkRules } from './check-cel.ts';
import { flagOf, isMapNode, type LoadDocument, type LoadNode, textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import { jsonOf } from './yaml-node.ts';

export interface SchemaInput {
  readonly document: LoadDocument;
  readonly problems: Problems;
}

const INT_OR_STRING: JsonObject = {
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
};

/** resource.Quantity as controller-tools writes it. */
const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

const TYPES: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  integer: { type: 'integer', format: 'int64' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  quantity: { ...INT_OR_STRING, pattern: QUANTITY },
  intOrString: INT_OR_STRING,
  object: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
};

/** An object with these fields; undefined: with none. */
export function objectSchema(fields: LoadNode | undefined, input: SchemaInput): JsonObject {
  const { document } = input;
  const entries = fields === undefined ? [] : document.entries(fields);
  const flagged = (name: string): readonly string[] =>
    entries
      .filter((entry) => isMapNode(entry) && flagOf(document.get(entry, name)) === true)
      .map((entry) => entry.name);
  const required = flagged('required');
  const rules = flagged('immutable').map(onceSet);
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required: [...required] }),
    properties: Object.fromEntries(entries.map((entry) => [entry.name, fieldSchema(entry, input)])),
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  };
}

/** On the object around, since a rule on the field itself is not asked when the field is taken away. */
function onceSet(name: string): JsonObject {
  const field = celName(name);
  return {
    rule: `!has(oldSelf.${field}) || (has(self.${field}) && self.${field} == oldSelf.${field})`,
    message: `${name} can't be changed once it is set`,
    fieldPath: `.${name}`,
  };
}

/** Names as CEL says them (k8s.io/apiserver's escaping). */
function celName(name: string): string {
  const escaped = name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
  return CEL_WORDS.has(name) ? `__${name}__` : escaped;
}

const CEL_WORDS = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function fieldSchema(field: LoadNode, input: SchemaInput): JsonObject {
  const { document } = input;
  const word = textOf(field);
  if (word !== undefined) return TYPES[word] ?? {};
  if (field.yaml.kind === 'list') {
    const [item] = document.items(field);
    return { type: 'array', items: item === undefined ? {} : fieldSchema(item, input) };
  }
  return describedField(field, input);
}

function describedField(field: LoadNode, input: SchemaInput): JsonObject {
  const { document } = input;
  const at = (key: string) => document.get(field, key);
  const shape = shapeOf(field, input);
  const limits = limitsOf(field, shape, input);
  const rules = at('rules');
  checkRules(rules, shape, input);
  const own = rules === undefined ? [] : jsonOf(rules.yaml);
  const inherited = shape['x-kubernetes-validations'];
  const validations = [...asList(inherited), ...asList(own)];
  const fallback = document.entries(field).find(({ name }) => name === 'default');
  const description = textOf(at('description'));
  return {
    ...(description === undefined ? {} : { description }),
    ...shape,
    ...limits,
    ...(validations.length === 0 ? {} : { 'x-kubernetes-validations': validations }),
    ...(fallback === undefined ? {} : { default: defaultOf(fallback, { ...shape, ...limits }, input) }),
  };
}

function shapeOf(field: LoadNode, input: SchemaInput): JsonObject {
  const { document, problems } = input;
  const at = (key: string) => document.get(field, key);
  const [fields, items, values, type] = [at('fields'), at('items'), at('values'), at('type')];
  const said = [fields, items, values, type].filter((node) => node !== undefined);
  if (said.length !== 1) {
    const message = 'a field is one of type, fields (an object), items (a list) and values (a map)';
    problems.error('BadSchema', field.place, { message, hint: 'write exactly one of them' });
  }
  if (fields !== undefined) return objectSchema(fields, input);
  if (values !== undefined) return { type: 'object', additionalProperties: fieldSchema(values, input) };
  if (items === undefined) return TYPES[textOf(type) ?? ''] ?? {};
  const key = textOf(at('key'));
  const keyed =
    key === undefined ? {} : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
  const item = fieldSchema(items, input);
  return { type: 'array', ...keyed, items: key === undefined ? item : withRequired(item, key) };
}

/** Keys of a list of objects must be there. */
function withRequired(item: JsonObject, key: string): JsonObject {
  return { ...item, required: [...new Set([...asList(item.required), key])] };
}

/** What `min` and `max` are called depends on what they limit. */
const BOUNDS: Readonly<Record<string, readonly [string, string]>> = {
  integer: ['minimum', 'maximum'],
  number: ['minimum', 'maximum'],
  string: ['minLength', 'maxLength'],
  array: ['minItems', 'maxItems'],
  object: ['minProperties', 'maxProperties'],
};

function limitsOf(field: LoadNode, shape: JsonObject, { document, problems }: SchemaInput): JsonObject {
  const at = (key: string) => document.get(field, key);
  const limits: Record<string, Json> = {};
  const bounds = BOUNDS[String(shape.type)];
  const [min, max, pattern, words] = [at('min'), at('max'), at('pattern'), at('enum')];
  for (const [node, name] of [
    [min, bounds?.[0]],
    [max, bounds?.[1]],
  ] as const) {
    if (node === undefined) continue;
    if (name !== undefined) limits[name] = jsonOf(node.yaml);
    else refuseLimit(node, String(shape.type ?? 'a value of any type'), problems);
  }
  if (pattern !== undefined && shape.type === 'string') limits.pattern = jsonOf(pattern.yaml);
  else if (pattern !== undefined) refuseLimit(pattern, String(shape.type ?? 'a value of any type'), problems);
  if (words !== undefined) {
    limits.enum = jsonOf(words.yaml);
    for (const item of document.items(words)) checkValue(item, shape, problems);
  }
  return limits;
}

function refuseLimit({ keyPlace }: LoadNode, type: string, problems: Problems): void {
  problems.error('BadSchema', keyPlace, { message: `this limits nothing of ${type}`, hint: 'remove it' });
}

function defaultOf(node: LoadNode, schema: JsonObject, { problems }: SchemaInput): Json {
  const value = jsonOf(node.yaml);
  const { enum: words } = schema;
  checkValue(node, schema, problems);
  if (Array.isArray(words) && !words.includes(value)) {
    const message = `the default ${String(value)} is not one of ${words.join(', ')}`;
    problems.error('BadSchema', node.place, { message, hint: 'choose one of them, or add it' });
  }
  return value;
}

/** The API server refuses a definition whose defaults or words are not of the field's type. */
function checkValue(node: LoadNode, { type }: JsonObject, problems: Problems): void {
  const value = jsonOf(node.yaml);
  const found = Array.isArray(value) ? 'array' : typeof value === 'bigint' ? 'number' : typeof value;
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  const fits = type === undefined || found === type || (type === 'integer' && whole);
  if (fits) return;
  const message = `the field is of the type ${String(type)}, and this is ${found === 'object' ? 'an object' : `a ${found}`}`;
  const hint = type === 'string' ? 'put it in quotes' : 'change the type or the value';
  problems.error('BadSchema', node.place, { message, hint });
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
