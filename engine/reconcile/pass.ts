/**
 * One pass over the manifests, in their order: is it wanted, how often, how does it look, what is to be done about it.
 *
 * Promises: absence holds; a manifest that cannot be rendered because of the resource itself (terminal) keeps every
 * new thing from being applied, so that a broken spec changes nothing, while drift is still repaired; one that waits
 * keeps back itself and those that need it, and all pruning.
 */
import { refKey } from '../kube/object.ts';
import type { Manifest } from '../playbook/model.ts';
import { type Blocker, formatPlace, terminal } from './blocker.ts';
import { decideChild, type Step } from './decide.ts';
import { type Child, type Desired, renderChild } from './desired.ts';
import { asBoolean, type Judgement, judge } from './evaluate.ts';
import { gateStep } from './gate.ts';
import {
  groupCandidates,
  type Instance,
  type Instances,
  type LiveByManifest,
  placeKnownChildren,
  resolveInstances,
} from './instances.ts';
import { standingOf } from './ownership.ts';
import type { ManifestState, Pass } from './pass-model.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { limitRolling } from './rolling.ts';
import type { Scope } from './scope.ts';
import { evaluateVars } from './vars.ts';

/** What grows from manifest to manifest. */
interface Work {
  readonly scope: Scope;
  readonly live: LiveByManifest;
  readonly instances: Map<string, Instances>;
  readonly states: Map<string, ManifestState>;
  /** Namespaces described so far. */
  readonly namespaces: Set<string>;
  /** By refKey: the manifest that describes the object. */
  readonly described: Map<string, string>;
}

export async function runPass(scope: Scope): Promise<Pass> {
  const live = groupCandidates(scope);
  const work: Work = {
    scope,
    live,
    instances: new Map(),
    states: new Map(),
    namespaces: new Set(),
    described: new Map(),
  };
  placeKnownChildren(scope, live);
  await resolveAll(work, (manifest) => !reads(manifest, 'vars') && !reads(manifest, 'rendered'));
  await evaluateVars(scope);
  await resolveAll(work, (manifest) => reads(manifest, 'vars') && !reads(manifest, 'rendered'));
  for (const manifest of scope.watch.manifests) {
    work.states.set(manifest.id, await workOn(work, manifest));
  }
  return { scope, live, states: work.states };
}

function reads(manifest: Manifest, root: 'vars' | 'rendered'): boolean {
  const references = [...(manifest.forEach?.references ?? []), ...(manifest.key?.references ?? [])];
  return references.some((reference) => reference.root === root);
}

async function resolveAll(work: Work, mayNow: (manifest: Manifest) => boolean): Promise<void> {
  for (const manifest of work.scope.watch.manifests) {
    if (mayNow(manifest)) await resolve(work, manifest);
  }
}

async function resolve(work: Work, manifest: Manifest): Promise<Instances> {
  const known = work.instances.get(manifest.id);
  const instances = known ?? (await resolveInstances(work.scope, manifest, work.live));
  work.instances.set(manifest.id, instances);
  return instances;
}

async function workOn(work: Work, manifest: Manifest): Promise<ManifestState> {
  const idle = { manifest, steps: [], readiness: new Map(), blockers: [] };
  const perItem = manifest.when?.references.some(({ root }) => root === 'item' || root === 'index') ?? false;
  const wanted = perItem ? VALUE_TRUE : await isWanted(work.scope, manifest);
  if (wanted.kind === 'blocked') return { ...idle, wanted: true, blockers: [wanted.blocker] };
  if (wanted.kind === 'missing' || !wanted.value) return { ...idle, wanted: false };
  const instances = await resolve(work, manifest);
  if (instances.kind === 'held') return { ...idle, wanted: true, blockers: [instances.blocker] };
  const found = await renderAll(work, manifest, { instances: instances.instances, perItem });
  return stateOf(work, manifest, found);
}

const VALUE_TRUE = { kind: 'value', value: true } as const;

/** A missing `when` is no wish, and no absence either: what the cluster lacks was held before. */
async function isWanted(scope: Scope, manifest: Manifest, instance?: Instance): Promise<Judgement<boolean>> {
  if (manifest.when === undefined) return VALUE_TRUE;
  return asBoolean(await judge(scope, manifest.when, instance?.local), manifest.when);
}

interface Found {
  readonly children: readonly Child[];
  readonly blockers: readonly Blocker[];
}

async function renderAll(
  work: Work,
  manifest: Manifest,
  { instances, perItem }: { readonly instances: readonly Instance[]; readonly perItem: boolean },
): Promise<Found> {
  const children: Child[] = [];
  const blockers: Blocker[] = [];
  for (const instance of instances) {
    const desired = await renderWanted(work, instance, perItem);
    if (desired.kind === 'child') children.push(desired.child);
    if (desired.kind === 'blocked') blockers.push(desired.blocker);
  }
  publish(work.scope, manifest, { instances, children, complete: blockers.length === 0 });
  return { children, blockers };
}

async function renderWanted(work: Work, instance: Instance, perItem: boolean): Promise<Desired> {
  const wanted = perItem ? await isWanted(work.scope, instance.manifest, instance) : VALUE_TRUE;
  if (wanted.kind === 'blocked') return wanted;
  if (wanted.kind === 'missing' || !wanted.value) return { kind: 'none' };
  const desired = await renderChild(work.scope, instance, work.namespaces);
  return desired.kind === 'child' ? claimName(work, desired.child) : desired;
}

/** Two manifests that describe one object would undo each other for ever. */
function claimName(work: Work, child: Child): Desired {
  const key = refKey(child.ref);
  const { manifest, mark } = child.instance;
  const other = work.described.get(key);
  if (other !== undefined) {
    const message = `${formatPlace(manifest.place)}: ${mark} and ${other} both describe ${key}`;
    return { kind: 'blocked', blocker: terminal('NameDuplicate', message) };
  }
  work.described.set(key, mark);
  if (child.ref.kind === 'Namespace' && child.ref.group === '') work.namespaces.add(child.ref.name);
  return { kind: 'child', child };
}

interface Rendered {
  readonly instances: readonly Instance[];
  readonly children: readonly Child[];
  /** Every instance could be told. */
  readonly complete: boolean;
}

/** Shows the manifest's trees, and the live objects under the names that it really gives, to those that follow. */
function publish(scope: Scope, manifest: Manifest, { instances, children, complete }: Rendered): void {
  if (!complete) return;
  const liveOf = (child: Child | undefined) =>
    child !== undefined && isOurChild(scope, child) ? child.live : undefined;
  if (manifest.forEach === undefined) {
    const [child] = children;
    scope.setChildren(manifest.id, liveOf(child));
    if (child !== undefined) scope.setRendered(manifest.id, child.rendered);
    return;
  }
  const byMark = new Map(children.map((child) => [child.instance.mark, child]));
  const entries = instances.map(({ mark }) => liveOf(byMark.get(mark)) ?? null);
  scope.setChildren(manifest.id, entries);
  scope.setRendered(
    manifest.id,
    children.map((child) => child.rendered),
  );
}

function isOurChild(scope: Scope, child: Child): boolean {
  return child.placement === 'patched' || standingOf(child.live, scope.owner) === 'ours';
}

async function stateOf(
  work: Work,
  manifest: Manifest,
  { children, blockers }: Found,
): Promise<ManifestState> {
  const { scope, states } = work;
  const readiness = new Map<Child, Readiness>();
  for (const child of children) readiness.set(child, await readinessOf(scope, child));
  const steps: Step[] = [];
  for (const child of children) steps.push(await gateStep(scope, states, decideChild(scope, child)));
  const limited = manifest.rolling === undefined ? steps : limitRolling(steps, readiness, manifest.rolling);
  return { manifest, wanted: true, steps: limited, readiness, blockers };
}
