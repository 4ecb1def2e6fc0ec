/** What expressions and templates of an action read: everything that manifests read, and `run`. */

import { base64Decode } from '../../base/base64.ts';
import type { Json, JsonObject } from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, isList, text } from '../../kube/value.ts';
import type { NamedExpression } from '../../playbook/model.ts';
import type { Blocker } from '../blocker.ts';
import { evaluate } from '../evaluate.ts';
import type { LocalContext, Scope } from '../scope.ts';
import { parseJson } from './json.ts';
import type { Run } from './run.ts';
import { isoTime } from './run.ts';
import { shadowedVars } from './runs.ts';

/** `run` as a context: never seen by manifests. */
export function runContext(scope: Scope, run: Run): JsonObject {
  const { status } = run;
  return {
    name: run.name,
    uid: run.uid,
    action: run.action,
    trigger: run.trigger,
    params: run.params,
    outputs: withSecrets(scope, status.outputs),
    ...(run.value === undefined ? {} : { value: run.value }),
    ...(run.tick === undefined ? {} : { tick: run.tick }),
    ...(status.startedAt === undefined ? {} : { startedAt: isoTime(status.startedAt) }),
    ...(status.failed === undefined ? {} : { failed: asJson(status.failed) }),
  };
}

/** The mark of an output whose value stands in a Secret. */
export function secretMark(name: string, key: string): JsonObject {
  return { secret: { name, key } };
}

/** The outputs with the values of marks; a mark whose Secret is gone is missing. */
function withSecrets(scope: Scope, value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const shown = reveal(scope, inner);
      return shown === undefined ? [] : [[name, shown] as const];
    }),
  );
}

function reveal(scope: Scope, value: Json): Json | undefined {
  if (isList(value)) return value.map((item) => reveal(scope, asJson(item)) ?? null);
  if (!isJsonObject(value)) return value;
  const name = text(getPath(value, ['secret', 'name']));
  const key = text(getPath(value, ['secret', 'key']));
  if (name === undefined || key === undefined || Object.keys(value).length !== 1)
    return withSecrets(scope, value);
  return readSecret(scope, name, key);
}

/** The text with the secret outputs of a run masked: what was given one may say it again when it fails. */
export function discreet(scope: Scope, { status }: Pick<Run, 'status'>, words: string): string {
  return secretsIn(scope, status.outputs).reduce((text, secret) => text.replaceAll(secret, '***'), words);
}

/** Shorter ones are no secret, and would mask half of a text. */
const SHORTEST_SECRET = 4;

function secretsIn(scope: Scope, outputs: Json): readonly string[] {
  const open = leavesOf(outputs);
  return leavesOf(reveal(scope, outputs) ?? null).filter(
    (value) => value.length >= SHORTEST_SECRET && !open.includes(value),
  );
}

/** Every plain value in it, as a text. */
function leavesOf(value: Json): readonly string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.values(value).flatMap((inner) => leavesOf(asJson(inner)));
}

function readSecret(scope: Scope, name: string, key: string): Json | undefined {
  const secret = scope.snapshot.actions.work.objects.find(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name === name,
  );
  const encoded = text(getPath(secret, ['data', key]));
  const plain = encoded === undefined ? undefined : base64Decode(encoded);
  return plain === undefined ? undefined : parseJson(plain);
}

/** The vars that a run's expressions see: the watch's, under those of its line up to itself. */
export async function varsAround(
  scope: Scope,
  line: readonly Run[],
  run: Run,
  within: 'run' | 'step' | 'outside',
): Promise<JsonObject> {
  const outer = line.slice(
    0,
    Math.max(
      0,
      line.findIndex(({ uid }) => uid === run.uid),
    ),
  );
  const own = { outside: {}, run: run.status.vars, step: { ...run.status.vars, ...run.status.stepVars } };
  return watchVars(scope, { ...shadowedVars(outer), ...own[within] });
}

/** The watch's vars as they are under the given ones, and those. A var that can't be told is missing. */
async function watchVars(scope: Scope, over: JsonObject): Promise<JsonObject> {
  let vars: JsonObject = { ...over };
  for (const { name, expression } of scope.watch.vars) {
    if (Object.hasOwn(over, name)) continue;
    const judgement = await evaluate(scope, expression, { vars });
    if (judgement.kind === 'value') vars = { ...vars, [name]: judgement.value };
  }
  return vars;
}

export type Values =
  | { readonly kind: 'values'; readonly values: JsonObject }
  | { readonly kind: 'blocked'; readonly blocker: Blocker };

/** Named expressions, each seeing those before it as vars where `asVars`; what is missing is left out. */
export async function evaluateNamed(
  scope: Scope,
  named: readonly NamedExpression[],
  local: LocalContext,
  options: { readonly asVars: boolean } = { asVars: false },
): Promise<Values> {
  const values: Record<string, Json> = {};
  for (const { name, expression } of named) {
    const vars = options.asVars && isVars(local.vars) ? { ...local.vars, ...values } : local.vars;
    const judgement = await evaluate(scope, expression, { ...local, vars });
    if (judgement.kind === 'blocked') return judgement;
    if (judgement.kind === 'value') values[name] = judgement.value;
  }
  return { kind: 'values', values };
}

function isVars(vars: unknown): vars is JsonObject {
  return typeof vars === 'object' && vars !== null;
}
