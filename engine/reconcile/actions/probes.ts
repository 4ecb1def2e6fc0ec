/** Which probes something reads now, with their calls rendered: a probe that nobody reads costs nothing. */
import { asJson, getPath, isList } from '../../kube/value.ts';
import type { Probe, Step } from '../../playbook/action-model.ts';
import type { Reference, Watch } from '../../playbook/model.ts';
import type { ProbeCall, ProbeNeed } from '../action-contract.ts';
import { asList, evaluate } from '../evaluate.ts';
import type { LocalContext, Scope } from '../scope.ts';
import { probeNames } from './fresh.ts';
import { renderCall, textOf } from './render.ts';
import type { RunSet } from './runs.ts';

/** `after`: by probe, the time after which a step waits for a round. */
export async function probeNeeds(
  scope: Scope,
  runs: RunSet | undefined,
  after: ReadonlyMap<string, number>,
): Promise<readonly ProbeNeed[]> {
  const { probes } = scope.watch;
  if (probes.length === 0) return [];
  const references = [...readIn(scope), ...(runs === undefined ? [] : readByRuns(scope.watch, runs))];
  const names = new Set([
    ...probeNames(
      references,
      probes.map(({ name }) => name),
    ),
    ...after.keys(),
  ]);
  const needs: ProbeNeed[] = [];
  for (const probe of probes) if (names.has(probe.name)) needs.push(...(await needOf(scope, probe, after)));
  return needs;
}

function readIn({ watch, snapshot }: Scope): readonly Reference[] {
  return snapshot.recall?.references(watch, () => readingNow(watch)) ?? readingNow(watch);
}

/** What each pass reads. */
function readingNow({ vars, manifests, health, status, actions }: Watch): readonly Reference[] {
  const readers = [
    ...vars.map(({ expression }) => expression),
    ...manifests.flatMap((m) => [m.template, m.when, m.waitFor, m.forEach, m.key, m.ready, m.namespace]),
    ...health.flatMap((rule) => [rule.when, rule.message]),
    ...status.map((field) => (field.kind === 'held' ? undefined : field.value)),
    ...actions.flatMap(({ on }) => [on.when, on.schedule, on.timeZone, on.suspend]),
  ];
  return readers.flatMap((reader) => reader?.references ?? []);
}

/** What the current step of a run reads. */
function readByRuns({ actions }: Watch, runs: RunSet): readonly Reference[] {
  return runs.all.flatMap((run) => {
    const record = run.status.steps.at(-1);
    if (record === undefined || (record.phase !== 'Running' && record.phase !== 'Waiting')) return [];
    const action = actions.find(({ name }) => name === run.action);
    const steps = record.rollback ? action?.rollback : action?.steps;
    const step = steps?.find(({ name }) => name === record.name);
    return step === undefined ? [] : readByStep(step);
  });
}

function readByStep(step: Step): readonly Reference[] {
  const own = [step.when, step.unless, step.forEach, step.message];
  const named = [...step.vars, ...step.outputs].map(({ expression }) => expression);
  return [...own, ...named, ...workReaders(step)].flatMap((reader) => reader?.references ?? []);
}

function workReaders(step: Step): readonly ({ readonly references: readonly Reference[] } | undefined)[] {
  switch (step.kind) {
    case 'job':
    case 'apply':
      return [step.template];
    case 'exec':
      return [step.pod, step.container, step.namespace, step.stdin, ...step.command];
    case 'http':
      return [step.url, step.body, step.ca, ...Object.values(step.headers)];
    case 'wait':
      return [step.until];
    case 'set':
      return step.fields.map(({ expression }) => expression);
    case 'run':
      return [step.params];
    case 'delete':
      return step.target.by.kind === 'name' ? [step.target.by.name] : Object.values(step.target.by.labels);
    case 'commit':
      return [];
  }
}

/** None where the list of its calls cannot be told: what is known of it stays as it is. */
async function needOf(
  scope: Scope,
  probe: Probe,
  after: ReadonlyMap<string, number>,
): Promise<readonly ProbeNeed[]> {
  const calls =
    probe.forEach === undefined ? [{ call: callOf(scope, probe, {}) }] : await callsOf(scope, probe);
  if (calls === undefined) return [];
  const due = after.get(probe.name);
  return [
    {
      name: probe.name,
      everyMs: 1000 * probe.everySeconds,
      timeoutMs: 1000 * probe.timeoutSeconds,
      parse: probe.parse,
      list: probe.forEach !== undefined,
      calls,
      ...(due === undefined ? {} : { after: due }),
    },
  ];
}

async function callsOf(scope: Scope, probe: Probe): Promise<readonly ProbeCall[] | undefined> {
  if (probe.forEach === undefined) return [];
  const items = asList(await evaluate(scope, probe.forEach));
  if (items.kind !== 'value') return undefined;
  const calls: ProbeCall[] = [];
  for (const [index, item] of items.value.entries()) {
    const local = { item, index };
    calls.push({ key: await keyOf(scope, probe, local), call: callOf(scope, probe, local) });
  }
  return calls;
}

/** Default: the item itself where it is a plain value, the name of an object, else its place. */
async function keyOf(scope: Scope, { key }: Probe, local: LocalContext): Promise<string> {
  if (key !== undefined) {
    const judgement = await evaluate(scope, key, local);
    if (judgement.kind === 'value') return textOf(judgement.value);
  }
  const { item, index = 0 } = local;
  const name = getPath(item, ['metadata', 'name']);
  if (typeof name === 'string') return name;
  return typeof item === 'object' || item === undefined ? String(index) : textOf(asJson(item));
}

function callOf(scope: Scope, { call }: Probe, local: LocalContext): ProbeCall['call'] {
  const { actions, allowances } = scope.snapshot;
  const rendered = renderCall(call, scope.context(local), actions.namespace);
  if (rendered.kind !== 'value') return rendered.message;
  const { value } = rendered;
  if (value.kind === 'exec' && value.namespace !== actions.namespace && !allowances.otherNamespaces)
    return `a command in namespace ${value.namespace} is not allowed`;
  return value;
}

/** What needed probes say of their failure: name, key and error. */
export function probeErrors({ snapshot }: Scope, needs: readonly ProbeNeed[]): readonly string[] {
  return needs.flatMap(({ name }) => {
    const found: unknown = snapshot.actions.probes[name];
    const results = isList(found) ? found : [found];
    return results.flatMap((result) => {
      if (getPath(result, ['ok']) !== false) return [];
      const key = getPath(result, ['key']);
      return [
        `${name}${typeof key === 'string' ? ` of ${key}` : ''}: ${String(getPath(result, ['error']) ?? 'fails')}`,
      ];
    });
  });
}
