/** The noun `probes`: values asked of the application by exec or http. */
import { durationAt } from './action-duration.ts';
import type { Probe } from './action-model.ts';
import type { ProbeName } from './check-probe.ts';
import { execAt, httpAt } from './load-action-calls.ts';
import { type LoadNode, type NamedNode, wordOf } from './load-node.ts';
import { expressionAt, type Position, type WatchScope } from './load-scope.ts';

const EVERY_SECONDS = 30;
const TIMEOUT_SECONDS = 10;

export interface LoadedProbes {
  readonly probes: readonly Probe[];
  /** Every declared name. */
  readonly names: ReadonlyMap<string, ProbeName>;
}

export function loadProbes(scope: WatchScope, node: LoadNode | undefined): LoadedProbes {
  const entries = node === undefined ? [] : scope.document.entries(node);
  return {
    probes: entries.flatMap((entry) => loadProbe(scope, entry) ?? []),
    names: new Map(entries.map((entry) => [entry.name, shapeOf(scope, entry)])),
  };
}

function shapeOf({ document }: WatchScope, entry: NamedNode): ProbeName {
  return {
    list: document.get(entry, 'forEach') !== undefined,
    text: parseOf(document.get(entry, 'parse')) === 'text',
  };
}

function parseOf(node: LoadNode | undefined): Probe['parse'] {
  return wordOf(node, ['json', 'text']) ?? 'text';
}

function loadProbe(scope: WatchScope, entry: NamedNode): Probe | undefined {
  const { document } = scope;
  const key = (name: string) => document.get(entry, name);
  const position: Position = { perItem: key('forEach') !== undefined, stage: 'any' };
  const forEach = expressionAt(scope, key('forEach'), { ...position, perItem: false });
  const identity = expressionAt(scope, key('key'), position);
  if (key('key') !== undefined && !position.perItem) reportKey(scope, entry);
  const call = loadCall(scope, entry, position);
  const everySeconds = durationAt(scope, key('every'), 1) ?? EVERY_SECONDS;
  const timeoutSeconds = durationAt(scope, key('timeout'), 1) ?? TIMEOUT_SECONDS;
  if (call === undefined) return undefined;
  return {
    name: entry.name,
    place: entry.keyPlace,
    everySeconds,
    timeoutSeconds,
    ...(forEach === undefined ? {} : { forEach }),
    ...(identity === undefined ? {} : { key: identity }),
    call,
    parse: parseOf(key('parse')),
  };
}

function loadCall(scope: WatchScope, entry: NamedNode, position: Position): Probe['call'] | undefined {
  const { document, problems } = scope;
  const exec = document.get(entry, 'exec');
  const http = document.get(entry, 'http');
  if ((exec === undefined) === (http === undefined)) {
    const message = exec === undefined ? 'the probe says nothing to ask' : 'the probe says exec and http';
    problems.error('BadProbe', entry.keyPlace, { message, hint: 'a probe is exactly one of exec and http' });
  }
  if (exec !== undefined) {
    const call = execAt(scope, exec, position);
    return call && { kind: 'exec', ...call };
  }
  const call = http && httpAt(scope, http, position);
  return call && { kind: 'http', ...call };
}

function reportKey({ document, problems }: WatchScope, entry: NamedNode): void {
  const found = document.get(entry, 'key');
  const message = 'key works on the items of forEach';
  if (found !== undefined)
    problems.error('BadCombination', found.keyPlace, { message, hint: 'add forEach, or remove it' });
}
