/** Structural defaulting, as the API server does it for custom resources (KEP-1111). */
import type { Json, JsonObject } from './object.ts';
import type { SchemaNode } from './schema.ts';
import { isJsonObject } from './value.ts';

/** The tree with every default of the schema filled in where nothing stands; null counts as nothing where not nullable. */
export function applyDefaults(tree: JsonObject, schema: SchemaNode): JsonObject {
  const filled: Record<string, Json> = { ...tree };
  for (const name of schema.propertyNames()) {
    const property = schema.property(name);
    if (property === undefined) continue;
    const standing = filled[name];
    const empty = standing === undefined || (standing === null && !property.nullable);
    const value = empty ? property.default : standing;
    if (value !== undefined) filled[name] = defaultsIn(value, property);
  }
  return filled;
}

function defaultsIn(value: Json, schema: SchemaNode): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item: Json) => defaultsIn(item, items));
  }
  if (!isJsonObject(value)) return value;
  const { values } = schema;
  if (values === undefined) return applyDefaults(value, schema);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, defaultsIn(item, values)]));
}
