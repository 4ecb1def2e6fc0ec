/** The part of JSON Schema that our schemas use, and its types in words. */

export interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Definitions = Readonly<Record<string, Schema>>;

const WORDS: Readonly<Record<string, string>> = { array: 'list', object: 'map', null: 'null' };

/** Has it a section of its own: is it an object with known keys? */
export function isSection({ title, properties }: Schema): boolean {
  return title !== undefined && properties !== undefined;
}

/** In words; with links to the sections of objects, and to the table of values. */
export function typeOf(schema: Schema, definitions: Definitions): string {
  if (schema.$ref !== undefined) return referenceOf(schema.$ref.replace('#/$defs/', ''), definitions);
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.oneOf !== undefined) return schema.oneOf.map((each) => typeOf(each, definitions)).join(' or ');
  const types = [schema.type ?? 'any'].flat();
  return types.map((type) => wordOf(type, schema, definitions)).join(' or ');
}

function referenceOf(name: string, definitions: Definitions): string {
  const schema = definitions[name];
  if (schema === undefined) return name;
  if (isSection(schema)) return `[${schema.title}](#${anchor(schema.title ?? '')})`;
  return isValue(schema) ? `[${name}](#values)` : typeOf(schema, definitions);
}

function wordOf(type: string, schema: Schema, definitions: Definitions): string {
  if (type === 'array' && schema.items !== undefined) return `list of ${typeOf(schema.items, definitions)}`;
  const { additionalProperties: values } = schema;
  if (type === 'object' && typeof values === 'object') return `map of ${typeOf(values, definitions)}`;
  if (type === 'integer' || type === 'number') return `${type}${rangeOf(schema)}`;
  return WORDS[type] ?? type;
}

function rangeOf({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return '';
  return maximum === undefined ? ` from ${minimum}` : ` from ${minimum} to ${maximum}`;
}

/** Is it more than a list or map of something that has a name? */
function isValue({ type }: Schema): boolean {
  const types = [type ?? []].flat();
  return !types.includes('array') && !types.includes('object');
}

function anchor(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}
