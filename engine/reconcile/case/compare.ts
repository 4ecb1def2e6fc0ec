/** Does a value hold what is expected of it? Maps may hold more; lists must be as long; null means: not there. */
import type { Json } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';

/** Every difference as a sentence with its path. */
export function differences(path: string, actual: Json | undefined, expected: Json): readonly string[] {
  if (expected === null) {
    return actual === undefined || actual === null
      ? []
      : [`${path} is ${show(actual)}, and should not be there`];
  }
  if (isJsonObject(expected)) {
    if (actual === undefined || !isJsonObject(actual))
      return [`${path} is ${show(actual)}, and should be a map`];
    return Object.entries(expected).flatMap(([name, value]) =>
      differences(`${path}.${name}`, actual[name], value),
    );
  }
  if (Array.isArray(expected)) return listDifferences(path, actual, expected);
  return actual === expected ? [] : [`${path} is ${show(actual)}, and should be ${show(expected)}`];
}

function listDifferences(
  path: string,
  actual: Json | undefined,
  expected: readonly Json[],
): readonly string[] {
  if (!Array.isArray(actual)) return [`${path} is ${show(actual)}, and should be a list`];
  if (actual.length !== expected.length) {
    return [`${path} has ${actual.length} items, and should have ${expected.length}: ${show(actual)}`];
  }
  return expected.flatMap((item, index) => differences(`${path}[${index}]`, actual[index], item));
}

const LONGEST = 1000;

export function show(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
