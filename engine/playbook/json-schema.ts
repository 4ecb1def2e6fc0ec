/**
 * JSON Schema: the only module that imports ajv. Two uses: our own schemas, which a test has judged, and the schemas of
 * an action's parameters, which a playbook brings and which are trusted in nothing: regular expressions run in linear
 * time, references stay inside.
 */
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { errorMessage } from '../base/errors.ts';
import type { Json, JsonObject } from '../kube/object.ts';
import { patternTest } from './expression-regex.ts';

export type { ErrorObject };

/** To judge our own schemas again would treble the time. */
const QUICKLY = { validateSchema: false, meta: false, strict: false, code: { optimize: false } } as const;

/** What a schema compiles to is as constant as the schema: made when it is first asked for. */
const checks = new WeakMap<object, ValidateFunction>();

/** All that one of our own schemas finds in a value. */
export function schemaErrors(rules: object, value: Json): readonly ErrorObject[] {
  const validate =
    checks.get(rules) ?? new Ajv2020({ ...QUICKLY, allErrors: true, verbose: true }).compile(rules);
  checks.set(rules, validate);
  return validate(value) ? [] : (validate.errors ?? []);
}

export type CompiledParams =
  /** `check` tells everything that is wrong with a run's parameters, in sentences. */
  | { readonly kind: 'compiled'; check(params: Json): readonly string[] }
  | { readonly kind: 'refused'; readonly message: string };

const STRICTLY = {
  allErrors: true,
  // Unknown keywords are errors: a misspelt `required` would let everything through.
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  validateFormats: false,
  logger: false,
} as const;

/** The schema of schemas, compiled when it is first asked for: that costs more than most schemas of parameters. */
const schemaOfSchemas = lazily(() => new Ajv2020(STRICTLY));

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Why a value can't be the schema of an action's parameters; undefined where it can. */
export function whyNoParams(schema: JsonObject): string | undefined {
  try {
    schemaOfSchemas().validateSchema(withoutBigints(schema), true);
  } catch (error) {
    return errorMessage(error);
  }
  const compiled = compileParams(schema);
  return compiled.kind === 'refused' ? compiled.message : undefined;
}

/**
 * Compiles the schema of an action's parameters, which `whyNoParams` judged when its playbook was loaded. Costs
 * milliseconds: for a load or a request, not for each pass.
 */
export function compileParams(schema: JsonObject): CompiledParams {
  const ajv = new Ajv2020({
    ...STRICTLY,
    validateSchema: false,
    code: { regExp: Object.assign(regularExpression, { code: '' }) },
  });
  try {
    const validate = ajv.compile(withoutBigints(schema));
    return {
      kind: 'compiled',
      check: (params) => (validate(withoutBigints(params)) ? [] : (validate.errors ?? []).map(sentence)),
    };
  } catch (error) {
    return { kind: 'refused', message: errorMessage(error) };
  }
}

/** ajv keeps compiled patterns by their text. */
function regularExpression(pattern: string): { test(text: string): boolean; toString(): string } {
  return { test: patternTest(pattern), toString: () => pattern };
}

/** ajv knows no bigint; for a judgement of type and size the nearest number will do. */
function withoutBigints<T extends Json>(value: T): T {
  // JSON in, JSON of the same shape out: the type is kept by construction.
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)),
  ) as T;
}

function sentence({ instancePath, message = 'is not allowed', params }: ErrorObject): string {
  const where = ['params', ...instancePath.split('/').slice(1)].join('.');
  const extra = typeof params.additionalProperty === 'string' ? `: ${params.additionalProperty}` : '';
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  return `${where} ${message}${extra}${allowed}`;
}
