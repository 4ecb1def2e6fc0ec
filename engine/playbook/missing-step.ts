/** Follows names through the OpenAPI v3 schema of a definition as it is written. */
import type { Json, JsonObject } from '../kube/object.ts';
import { isJsonObject } from '../kube/value.ts';

export interface MissingStep {
  /** Of the first name that is not there. */
  readonly index: number;
  /** The fields that stand there instead. */
  readonly known: readonly string[];
  /** What should have it says that it has fields; a scalar or a list does not. */
  readonly hasFields: boolean;
}

/** Undefined where the path leads to a field, or to where anything may be. */
export function missingStep(schema: JsonObject, path: readonly string[]): MissingStep | undefined {
  let at: Json = schema;
  for (const [index, name] of path.entries()) {
    if (!isJsonObject(at) || at['x-kubernetes-preserve-unknown-fields'] === true) return undefined;
    const { properties, additionalProperties }: JsonObject = at;
    const hasFields = properties !== undefined && isJsonObject(properties);
    const fields: JsonObject = hasFields ? properties : {};
    const next: Json | undefined = fields[name] ?? additionalProperties;
    if (next === undefined) return { index, known: Object.keys(fields), hasFields };
    at = next;
  }
  return undefined;
}
