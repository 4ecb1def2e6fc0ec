/** Follows a path through a schema, to find names that can't be there before any resource is. */
import type { SchemaNode } from '../kube/schema.ts';

export type PathVerdict =
  /** `schema` is undefined where nothing can be said about what stands there. */
  | { readonly kind: 'possible'; readonly schema: SchemaNode | undefined }
  /** `path[step]` can't be there; `names` are those that can. */
  | {
      readonly kind: 'impossible';
      readonly step: number;
      readonly within: 'object' | 'list' | 'scalar';
      readonly names: readonly string[];
    };

/**
 * How a name behind a list is read: JSONata takes it of each item (`map`); Handlebars wants a position (`index`).
 */
export type ListReading = 'map' | 'index';

/** In a path: any item of a list (of a template's `each`), or any value of a map. */
export const ITEM = '*';

export function followPath(
  root: SchemaNode | undefined,
  path: readonly string[],
  lists: ListReading,
): PathVerdict {
  let schema = root;
  for (const [step, name] of path.entries()) {
    if (schema === undefined) return { kind: 'possible', schema: undefined };
    const found = stepInto(schema, name, lists);
    if (found.kind === 'impossible')
      return { kind: 'impossible', step, within: found.within, names: found.names };
    schema = found.schema;
  }
  return { kind: 'possible', schema };
}

type Step =
  | { readonly kind: 'possible'; readonly schema: SchemaNode | undefined }
  | Omit<Extract<PathVerdict, { kind: 'impossible' }>, 'step'>;

function stepInto(schema: SchemaNode, name: string, lists: ListReading): Step {
  if (schema.type === 'array') return intoList(schema, name, lists);
  if (name === ITEM) return { kind: 'possible', schema: isMap(schema) ? schema.values : undefined };
  const property = schema.property(name) ?? schema.values;
  if (property !== undefined) return { kind: 'possible', schema: property };
  if (schema.open || (schema.type === undefined && !schema.intOrString))
    return { kind: 'possible', schema: undefined };
  const within = schema.type === 'object' ? 'object' : 'scalar';
  return { kind: 'impossible', within, names: schema.propertyNames() };
}

/** All that stands in it is alike. */
function isMap(schema: SchemaNode): boolean {
  return !schema.open && schema.propertyNames().length === 0;
}

function intoList(schema: SchemaNode, name: string, lists: ListReading): Step {
  if (isPosition(name, lists)) return { kind: 'possible', schema: schema.items };
  if (lists === 'map')
    return schema.items === undefined
      ? { kind: 'possible', schema: undefined }
      : stepInto(schema.items, name, lists);
  if (name === 'length') return { kind: 'possible', schema: undefined };
  return { kind: 'impossible', within: 'list', names: [] };
}

/** JSONata's `*` is each value of each item, never an item. */
export function isPosition(name: string, lists: ListReading): boolean {
  return /^\d+$/.test(name) || (name === ITEM && lists === 'index');
}

/** `spec.users[].name`, `spec.users[0].name`; `isList`: do the first names of the path lead to a list? */
export function shownPath(root: string, path: readonly string[], isList: (names: number) => boolean): string {
  const names = path.map((name, at) => {
    if (name === ITEM) return '[]';
    if (/^\d+$/.test(name)) return `[${name}]`;
    const next = path[at + 1];
    const goesOn = next === undefined || !isPosition(next, 'index');
    return `.${name}${goesOn && isList(at + 1) ? '[]' : ''}`;
  });
  return [root, ...names].join('');
}

/** A schema's type in a person's words. */
export function describeType(schema: SchemaNode): string {
  if (schema.intOrString) return 'an integer or a string';
  switch (schema.type) {
    case 'array':
      return 'a list';
    case 'object':
      return 'an object';
    case 'integer':
      return 'an integer';
    case undefined:
      return 'of any type';
    default:
      return `a ${schema.type}`;
  }
}
