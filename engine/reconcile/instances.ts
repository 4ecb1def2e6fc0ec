/** How often a manifest is wanted: once, or under forEach once for each key. */
import { compareNatural } from '../base/natural.ts';
import type { Json, KubeObject } from '../kube/object.ts';
import type { Expression, Manifest } from '../playbook/model.ts';
import { type Blocker, formatPlace, terminal } from './blocker.ts';
import { asList, judge } from './evaluate.ts';
import { formatMark, isOfWatch, markOf, patchMarkOf, standingOf } from './ownership.ts';
import type { LocalContext, Scope } from './scope.ts';

/** One child to be, before it is rendered. */
export interface Instance {
  readonly manifest: Manifest;
  /** `id`, or `id#key`. */
  readonly mark: string;
  readonly key: string | undefined;
  readonly local: LocalContext;
}

export type Instances =
  | { readonly kind: 'known'; readonly instances: readonly Instance[] }
  | { readonly kind: 'held'; readonly blocker: Blocker };

/** Live children by manifest id, as the annotation on them says. */
export type LiveByManifest = ReadonlyMap<string, readonly LiveChild[]>;

interface LiveChild {
  readonly key: string | undefined;
  readonly object: KubeObject;
}

/** Groups the candidates that belong to this watch. */
export function groupCandidates(scope: Scope): LiveByManifest {
  const groups = new Map<string, LiveChild[]>();
  for (const object of scope.snapshot.candidates) {
    const mark = isMine(scope, object) ? markOf(object) : patchMarkOf(object, scope.owner)?.mark;
    if (mark === undefined) continue;
    const group = groups.get(mark.id) ?? [];
    groups.set(mark.id, [...group, { key: mark.key, object }]);
  }
  return groups;
}

function isMine(scope: Scope, object: KubeObject): boolean {
  return isOfWatch(object, scope.decorator) && standingOf(object, scope.owner) === 'ours';
}

/** Puts the live children into the context by their annotations, before any manifest is rendered. */
export function placeKnownChildren(scope: Scope, live: LiveByManifest): void {
  for (const manifest of scope.watch.manifests) {
    const group = live.get(manifest.id) ?? [];
    if (manifest.forEach !== undefined) scope.setChildren(manifest.id, inKeyOrder(group));
    else scope.setChildren(manifest.id, newest(group));
  }
}

function inKeyOrder(group: readonly LiveChild[]): readonly KubeObject[] {
  const sorted = [...group].sort((a, b) => compareNatural(a.key ?? '', b.key ?? ''));
  return sorted.map(({ object }) => object);
}

/** Two objects with one mark: the name in the manifest changed, and the older one is about to go. */
function newest(group: readonly LiveChild[]): KubeObject | undefined {
  const born = ({ object }: LiveChild): string => object.metadata.creationTimestamp ?? '';
  return [...group].sort((a, b) => (born(a) < born(b) ? 1 : -1))[0]?.object;
}

/** Evaluates forEach and key, and gives `children.<id>` one entry a key, null where there is none. */
export async function resolveInstances(
  scope: Scope,
  manifest: Manifest,
  live: LiveByManifest,
): Promise<Instances> {
  if (manifest.forEach === undefined) return { kind: 'known', instances: [single(manifest)] };
  const items = asList(await judge(scope, manifest.forEach));
  if (items.kind === 'blocked') return { kind: 'held', blocker: items.blocker };
  const result = await keyed(scope, manifest, items.kind === 'value' ? items.value : []);
  if (result.kind === 'held') return result;
  const group = live.get(manifest.id) ?? [];
  const entries = result.instances.map(({ key }) => group.find((child) => child.key === key)?.object ?? null);
  scope.setChildren(manifest.id, entries);
  return result;
}

function single(manifest: Manifest): Instance {
  return { manifest, mark: manifest.id, key: undefined, local: {} };
}

async function keyed(scope: Scope, manifest: Manifest, items: readonly Json[]): Promise<Instances> {
  const instances: Instance[] = [];
  const keys = new Set<string>();
  for (const [index, item] of items.entries()) {
    const local = { item, index };
    const key = await keyOf(scope, manifest.key, local);
    if (typeof key !== 'string') return { kind: 'held', blocker: key };
    if (keys.has(key)) return { kind: 'held', blocker: doubleKey(manifest, key) };
    keys.add(key);
    instances.push({ manifest, mark: formatMark({ id: manifest.id, key }), key, local });
  }
  return { kind: 'known', instances };
}

async function keyOf(
  scope: Scope,
  expression: Expression | undefined,
  local: LocalContext,
): Promise<string | Blocker> {
  if (expression === undefined) return String(local.index);
  const judgement = await judge(scope, expression, local);
  if (judgement.kind === 'blocked') return judgement.blocker;
  const value = judgement.kind === 'value' ? judgement.value : null;
  if (value !== null && typeof value !== 'object') return String(value);
  return terminal(
    'KeyInvalid',
    `${formatPlace(expression.place)}: key ${expression.source} yields no string`,
  );
}

function doubleKey(manifest: Manifest, key: string): Blocker {
  const place = formatPlace(manifest.key?.place ?? manifest.place);
  return terminal(
    'KeyDuplicate',
    `${place}: two items of ${manifest.id} have the key ${JSON.stringify(key)}`,
  );
}
