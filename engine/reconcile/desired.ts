/** Rendering: from one instance of a manifest to the child that is wanted, or to the reason why it cannot be told. */
import { hmacSha256 } from '../base/hash.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { contentOf, normalise, wrapArrays } from '../kube/normalise.ts';
import type { JsonObject, KubeObject, ObjectRef } from '../kube/object.ts';
import { getPath, text } from '../kube/value.ts';
import type { Rendering } from '../playbook/model.ts';
import { type Blocker, formatPlace, joinMessages, terminal } from './blocker.ts';
import { asBoolean, judge, unknownOf } from './evaluate.ts';
import type { Instance } from './instances.ts';
import { awaited } from './missing.ts';
import type { KindInfo } from './model.ts';
import { checkNamespace, invalid, namespaceOf, type Placement, placementOf } from './placement.ts';
import type { Forms } from './recall.ts';
import type { Scope } from './scope.ts';
import { hashOf, refusedMetadata, stampChild, withHash } from './stamp.ts';

/** A child as it shall be. Its tree in normal form is that of a CreateOnly child as it was created. */
export interface Child extends Forms {
  readonly instance: Instance;
  readonly ref: ObjectRef;
  readonly kind: KindInfo;
  readonly placement: Placement;
  /** Paths that are left to others now. */
  readonly ignored: readonly (readonly string[])[];
  /** What stands under its name, whoever's it is. */
  readonly live: KubeObject | undefined;
}

export type Desired =
  | { readonly kind: 'child'; readonly child: Child }
  /** The template yields nothing here. */
  | { readonly kind: 'none' }
  | { readonly kind: 'blocked'; readonly blocker: Blocker };

/** Renders one instance. `made`: namespaces described so far in this pass. */
export async function renderChild(
  scope: Scope,
  instance: Instance,
  made: ReadonlySet<string>,
): Promise<Desired> {
  const { manifest } = instance;
  const kind = scope.kind(manifest.gvk);
  if ('reason' in kind) return { kind: 'blocked', blocker: kind };
  const desired = await describeChild(scope, instance, kind);
  if (desired.kind !== 'child') return desired;
  const refusal = checkNamespace(scope, manifest, desired.child.ref.namespace, made);
  return refusal === undefined ? desired : { kind: 'blocked', blocker: refusal };
}

/**
 * Of a CreateOnly child that is there the random values are never sent nor seen, so that they need not be new in each
 * pass: only one that is absent, and so may be created, is given real ones.
 */
async function describeChild(scope: Scope, instance: Instance, kind: KindInfo): Promise<Desired> {
  if (instance.manifest.policy !== 'CreateOnly') return await describeWith('', scope, instance, kind);
  const known = await describeWith(SEED_OF_WHAT_IS_THERE, scope, instance, kind);
  const mayBeCreated = known.kind === 'child' && known.child.live === undefined;
  return mayBeCreated ? await describeWith(seedOf(scope, instance), scope, instance, kind) : known;
}

const SEED_OF_WHAT_IS_THERE = 'there';

async function describeWith(
  seed: string,
  scope: Scope,
  instance: Instance,
  kind: KindInfo,
): Promise<Desired> {
  const tree = renderTree(scope, instance, seed);
  if (tree === undefined) return { kind: 'none' };
  if (isBlocker(tree)) return { kind: 'blocked', blocker: tree };
  const ignored = await ignoredPaths(scope, instance);
  if (isBlocker(ignored)) return { kind: 'blocked', blocker: ignored };
  const child = assemble(scope, instance, { tree, kind, ignored });
  return isBlocker(child) ? { kind: 'blocked', blocker: child } : { kind: 'child', child };
}

function isBlocker(value: object): value is Blocker {
  return 'reason' in value && 'message' in value && 'kind' in value && !('metadata' in value);
}

function renderTree(scope: Scope, instance: Instance, seed: string): JsonObject | undefined | Blocker {
  const { manifest } = instance;
  const unknown = unknownOf(scope, manifest.template);
  if (unknown !== undefined) return unknown;
  const rendering = manifest.template.render(scope.context(instance.local), { seed });
  if (rendering.kind !== 'objects') return failure(scope, instance, rendering);
  return rendering.documents.find(({ document }) => document === manifest.document)?.tree;
}

function failure(
  scope: Scope,
  { manifest }: Instance,
  rendering: Exclude<Rendering, { kind: 'objects' }>,
): Blocker {
  if (rendering.kind === 'missing') return awaited(scope, rendering.missing, manifest);
  const problems = rendering.problems.map((problem) => `${formatPlace(problem)}: ${problem.message}`);
  return terminal('TemplateError', joinMessages(problems));
}

/** The same through one pass, another for each child. */
function seedOf({ snapshot, owner }: Scope, { mark }: Instance): string {
  return hmacSha256(snapshot.entropy ?? snapshot.hashKey, `${owner.uid}/${mark}`);
}

async function ignoredPaths(
  scope: Scope,
  { manifest, local }: Instance,
): Promise<readonly (readonly string[])[] | Blocker> {
  const paths: (readonly string[])[] = [];
  for (const { path, when } of manifest.ignoreFields) {
    if (when === undefined) {
      paths.push(path);
      continue;
    }
    const holds = asBoolean(await judge(scope, when, local), when);
    if (holds.kind === 'blocked') return holds.blocker;
    if (holds.kind === 'value' && holds.value) paths.push(path);
  }
  return paths;
}

interface Parts {
  readonly tree: JsonObject;
  readonly kind: KindInfo;
  readonly ignored: readonly (readonly string[])[];
}

function assemble(scope: Scope, instance: Instance, { tree, kind, ignored }: Parts): Child | Blocker {
  const { manifest } = instance;
  const refused = refusedMetadata(tree);
  if (refused.length > 0) return invalid(manifest, `${refused.join(', ')} may not be set by a manifest`);
  const name = text(getPath(tree, ['metadata', 'name']));
  if (name === undefined || name === '') return invalid(manifest, 'metadata.name is not a non-empty string');
  const namespace = namespaceOf(scope, instance, tree, kind);
  if (typeof namespace === 'object') return namespace;
  const placement = placementOf(scope, manifest, namespace);
  const ref = { ...manifest.gvk, ...(namespace === undefined ? {} : { namespace }), name };
  const live = scope.snapshot.lookup(ref);
  const forms = formsOf(scope, instance, { tree, kind, ignored, namespace, placement });
  const rendered = seenRendered(scope, instance, forms.rendered, live);
  return { instance, ref, kind, placement, ignored, live, ...forms, rendered };
}

interface Settled extends Parts {
  readonly namespace: string | undefined;
  readonly placement: Placement;
}

function formsOf(scope: Scope, instance: Instance, settled: Settled): Forms {
  const { recall } = scope.snapshot;
  const make = (): Forms => makeForms(scope, instance, settled);
  return recall === undefined ? make() : recall.forms(settled.tree, basisOf(scope, instance, settled), make);
}

/** All that `makeForms` reads beside the tree. */
function basisOf(scope: Scope, { manifest, mark }: Instance, settled: Settled): readonly unknown[] {
  const { owner, snapshot, decorator, watch } = scope;
  const { apiVersion } = owner.resource;
  const { kind, namespace, placement, ignored } = settled;
  const named = [owner.uid, owner.name, apiVersion, snapshot.hashKey, decorator, watch.ownsStatus];
  return [...named, manifest, mark, kind.schema, namespace, placement, canonicalJson(ignored)];
}

function makeForms(scope: Scope, instance: Instance, settled: Settled): Forms {
  const { tree, kind, ignored, placement } = settled;
  const rendered = wrapArrays(normalise(tree), kind.schema);
  const stamp = (bare: JsonObject): JsonObject => stampChild(scope, instance, bare, settled);
  const kept = ignored.length === 0 ? rendered : normalise(rendered, ignored);
  const stamped = stamp(kept);
  const hash = hashOf(stamped, scope.snapshot.hashKey);
  const mark = (bare: JsonObject): JsonObject => withHash(scope, instance, placement, bare, hash);
  const body = mark(stamped);
  return { rendered, hash, body, creation: kept === rendered ? body : mark(stamp(rendered)) };
}

/**
 * What a CreateOnly child was created with counts, not what would be rendered today: its random values must not look
 * new in each pass.
 */
function seenRendered(
  { snapshot }: Scope,
  { manifest }: Instance,
  rendered: JsonObject,
  live: KubeObject | undefined,
): JsonObject {
  if (manifest.policy !== 'CreateOnly' || live === undefined) return rendered;
  const known = snapshot.recall?.content(live) ?? contentOf(live);
  return { ...known, ...(rendered.metadata === undefined ? {} : { metadata: rendered.metadata }) };
}
