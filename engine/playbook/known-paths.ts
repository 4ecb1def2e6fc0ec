/** What is known of the values at paths before any resource exists: for static checks of expressions. */
import type { SchemaNode } from '../kube/schema.ts';
import type { Names } from './check-references.ts';
import type { Expression, KnownPaths, NamedExpression, Possible } from './language.ts';
import type { Watch } from './model.ts';
import { schemaAt } from './status-schema.ts';

/** What schemas and the watch's vars say of paths. */
export function knownPaths({ vars, actions }: Pick<Watch, 'vars' | 'actions'>, names: Names): KnownPaths {
  const schema = names.catalogue.schemaOf(names.resource);
  const shadowed = new Set(
    actions.flatMap((action) =>
      [action, ...action.steps, ...action.rollback].flatMap((each) => each.vars.map(({ name }) => name)),
    ),
  );
  const found = new Map<string, Possible | undefined>();
  const known: KnownPaths = ({ root, path }) => {
    if (root === 'object') return path[0] === 'spec' ? inSchema(schema, path)?.possible : undefined;
    if (root === 'spec') return inSchema(schema, ['spec', ...path])?.possible;
    if (root === 'children') return typeAt(schemaAt(root, path, names));
    const [name, below] = path;
    if (root !== 'vars' || name === undefined || below !== undefined || shadowed.has(name)) return undefined;
    if (!found.has(name)) {
      // Vars that need each other are told elsewhere.
      found.set(name, undefined);
      found.set(name, expressionOf(vars, name)?.possible(known));
    }
    return found.get(name);
  };
  return known;
}

function expressionOf(vars: readonly NamedExpression[], name: string): Expression | undefined {
  return vars.find((each) => each.name === name)?.expression;
}

export interface Found {
  readonly node: SchemaNode;
  readonly possible: Possible;
}

/** A path of properties alone; what the schema leaves open is not known. */
export function inSchema(schema: SchemaNode | undefined, path: readonly string[]): Found | undefined {
  let node = schema;
  let missing = false;
  for (const name of path) {
    if (node?.type !== 'object') return undefined;
    const next = node.property(name);
    missing ||= node.nullable || (!node.required.includes(name) && next?.default === undefined);
    node = next;
  }
  return node === undefined ? undefined : { node, possible: { missing, ...valuesOf(node) } };
}

function valuesOf(node: SchemaNode): Omit<Possible, 'missing'> {
  const { type, nullable, intOrString, open, range, length } = node;
  if (nullable || intOrString || open) return {};
  if (node.enum !== undefined) return { values: node.enum };
  switch (type) {
    case 'boolean':
      return { values: [true, false] };
    case 'string':
      return { type: 'string', ...(length === undefined ? {} : { length }) };
    case 'integer':
    case 'number':
      return { type: 'number', ...(range === undefined ? {} : { range }) };
    case 'array':
      return length === undefined ? {} : { length };
    default:
      return {};
  }
}

/** Of what is there only at times, and may be newer than the schema: its type alone. */
function typeAt(node: SchemaNode | undefined): Possible | undefined {
  if (node === undefined || node.nullable || node.intOrString || node.open) return undefined;
  if (node.type === 'boolean') return { missing: true, values: [true, false] };
  if (node.type === 'string') return { missing: true, type: 'string' };
  return node.type === 'integer' || node.type === 'number' ? { missing: true, type: 'number' } : undefined;
}
