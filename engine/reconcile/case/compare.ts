/** Does a value hold what is expected of it? Maps may hold more; lists must be as long; null means: not there. */
import type { Json } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';

export interface Difference {
  /** Where it stands in the expectation. */
  readonly at: readonly (string | number)[];
  readonly message: string;
}

/** What is compared: where it is expected, and what a sentence calls it. */
export interface Compared {
  readonly at: Difference['at'];
  readonly name: string;
}

/** Every difference as a sentence with its path. */
export function differences(of: Compared, actual: Json | undefined, expected: Json): readonly Difference[] {
  const { at, name } = of;
  const differs = (message: string): readonly Difference[] => [{ at, message: `${name} ${message}` }];
  if (expected === null)
    return actual === undefined || actual === null
      ? []
      : differs(`is ${show(actual)}, and should not be there`);
  if (Array.isArray(expected)) return listDifferences(of, actual, expected);
  if (!isJsonObject(expected))
    return actual === expected ? [] : differs(`is ${show(actual)}, and should be ${show(expected)}`);
  if (actual === undefined || !isJsonObject(actual))
    return differs(`is ${show(actual)}, and should be a map`);
  return Object.entries(expected).flatMap(([key, value]) =>
    differences({ at: [...at, key], name: `${name}.${key}` }, actual[key], value),
  );
}

function listDifferences(
  { at, name }: Compared,
  actual: Json | undefined,
  expected: readonly Json[],
): readonly Difference[] {
  if (!Array.isArray(actual)) return [{ at, message: `${name} is ${show(actual)}, and should be a list` }];
  if (actual.length !== expected.length) {
    const message = `${name} has ${actual.length} items, and should have ${expected.length}: ${show(actual)}`;
    return [{ at, message }];
  }
  return expected.flatMap((item, index) =>
    differences({ at: [...at, index], name: `${name}[${index}]` }, actual[index], item),
  );
}

const LONGEST = 1000;

export function show(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
