/**
 * Children that left the desired state: `when` turned false, forEach shrank, a manifest or a kind left the playbook.
 * Runs only when everything that is wanted could be told. What may hold data is kept unless the author gave it up.
 */
import { compareNatural } from '../base/natural.ts';
import { KEPT_ANNOTATION, POLICY_ANNOTATION, PRUNE_ANNOTATION, RANK_ANNOTATION } from '../kube/labels.ts';
import {
  describeRef,
  type GroupVersionKind,
  groupKind,
  gvkOf,
  type KubeObject,
  refKey,
  refOf,
} from '../kube/object.ts';
import type { Manifest } from '../playbook/model.ts';
import { markChange } from './change.ts';
import type { Change } from './model.ts';
import {
  annotationOf,
  formatMark,
  isOfWatch,
  isOurs,
  isTerminating,
  markOf,
  patchMarkOf,
} from './ownership.ts';
import type { ManifestState, Pass } from './pass-model.ts';
import { setMapEntry, testUid } from './patch.ts';

const KEPT_KINDS: readonly string[] = [
  'PersistentVolumeClaim',
  'Namespace',
  'CustomResourceDefinition.apiextensions.k8s.io',
];

/** What may hold data: kept, and marked with KEPT_ANNOTATION, where a change of the playbook no longer describes it. */
export const PRECIOUS_KINDS: readonly GroupVersionKind[] = [
  { group: 'apps', version: 'v1', kind: 'StatefulSet' },
  { group: '', version: 'v1', kind: 'PersistentVolumeClaim' },
  { group: '', version: 'v1', kind: 'Secret' },
];

export function planPrune(pass: Pass): readonly Change[] {
  const surplus = surplusOf(pass);
  const bottom =
    1 + Math.max(0, ...pass.scope.watch.manifests.map(({ rank }) => rank), ...surplus.map(rankOf));
  const removals = surplus.filter((object) => !isTerminating(object) && fateOf(pass, object) === 'delete');
  const kept = surplus.filter((object) => fateOf(pass, object) === 'keepAndSay');
  return [
    ...releases(pass, bottom),
    ...kept.flatMap((object) => sayKept(pass, object, bottom)),
    ...paced(pass, surplus, removals).map((object) => removal(pass, object, 2 * bottom - rankOf(object))),
  ].sort((a, b) => a.rank - b.rank);
}

/** Ours, of this watch, and described by nobody. */
function surplusOf({ scope, states }: Pass): readonly KubeObject[] {
  const children = [...states.values()].flatMap(({ steps }) => steps.map(({ child }) => child));
  const names = new Set(children.map(({ ref }) => refKey(ref)));
  const uids = new Set(children.map(({ live }) => live?.metadata.uid));
  return scope.snapshot.candidates.filter(
    (object) =>
      isOurs(object, scope.owner) &&
      isOfWatch(object, scope.decorator) &&
      !uids.has(object.metadata.uid) &&
      !names.has(refKey(refOf(object))),
  );
}

export function rankOf(object: KubeObject): number {
  const rank = Number(annotationOf(object, RANK_ANNOTATION));
  return Number.isInteger(rank) && rank >= 0 ? rank : 0;
}

type Fate = 'delete' | 'keep' | 'keepAndSay';

function fateOf({ states }: Pass, object: KubeObject): Fate {
  const mark = markOf(object);
  const state = mark === undefined ? undefined : states.get(mark.id);
  const kind = groupKind(gvkOf(object));
  if (mark === undefined || state === undefined || isRenamed(state, formatMark(mark))) {
    if (isPrecious(object, kind)) return 'keepAndSay';
    const said = state?.manifest.prune ?? annotationOf(object, PRUNE_ANNOTATION);
    return said === 'Keep' || (said === undefined && KEPT_KINDS.includes(kind)) ? 'keep' : 'delete';
  }
  return fateByManifest(state.manifest, kind);
}

/** The manifest still describes this instance, but under another name. */
function isRenamed({ steps }: ManifestState, mark: string): boolean {
  return steps.some(({ child }) => child.instance.mark === mark);
}

/** A renamed file must not delete a database. */
function isPrecious(object: KubeObject, kind: string): boolean {
  if (!PRECIOUS_KINDS.some((gvk) => groupKind(gvk) === kind)) return false;
  return kind !== 'Secret' || annotationOf(object, POLICY_ANNOTATION) === 'CreateOnly';
}

/** A claim goes only where the manifest gives it up twice over: when it leaves the desired state, and at all. */
function fateByManifest(manifest: Manifest, kind: string): Fate {
  if (kind === 'PersistentVolumeClaim') {
    return manifest.prune === 'Delete' && manifest.onDelete === 'Delete' ? 'delete' : 'keep';
  }
  const fallback = KEPT_KINDS.includes(kind) ? 'Keep' : 'Delete';
  return (manifest.prune ?? fallback) === 'Keep' ? 'keep' : 'delete';
}

/** Of a manifest with `rolling`, the highest keys go first, no more at once than may be not ready. */
function paced(
  pass: Pass,
  surplus: readonly KubeObject[],
  removals: readonly KubeObject[],
): readonly KubeObject[] {
  const groups = Map.groupBy(removals, (object) => markOf(object)?.id ?? '');
  return [...groups].flatMap(([id, group]) => {
    const state = pass.states.get(id);
    if (state?.manifest.rolling === undefined) return group;
    const going = surplus.filter((object) => isTerminating(object) && markOf(object)?.id === id).length;
    const unready = [...state.readiness.values()].filter(({ kind }) => kind !== 'ready').length;
    const left = Math.max(0, state.manifest.rolling.max - going - unready);
    return [...group].sort((a, b) => compareNatural(keyOf(b), keyOf(a))).slice(0, left);
  });
}

function keyOf(object: KubeObject): string {
  return markOf(object)?.key ?? '';
}

function removal({ scope }: Pass, object: KubeObject, rank: number): Change {
  const ref = refOf(object);
  return {
    kind: 'delete',
    ref,
    rank,
    basis: '',
    why: 'is no longer described',
    event: {
      type: 'Normal',
      reason: 'Deleted',
      message: `${describeRef(ref)}: ${whyPruned(scope.watch.manifests, object)}`,
    },
    uid: object.metadata.uid ?? '',
    propagation: 'Background',
  };
}

function whyPruned(manifests: readonly Manifest[], object: KubeObject): string {
  const mark = markOf(object);
  if (mark === undefined || !manifests.some(({ id }) => id === mark.id))
    return 'deleted; no manifest describes it any more';
  return `deleted; manifest ${mark.id} no longer asks for it`;
}

function sayKept(pass: Pass, object: KubeObject, rank: number): readonly Change[] {
  if (isTerminating(object) || annotationOf(object, KEPT_ANNOTATION) !== undefined) return [];
  const ref = refOf(object);
  const why = whyPruned(pass.scope.watch.manifests, object).replace('deleted; ', '');
  const patch = [testUid(object), ...setMapEntry(object, 'annotations', { [KEPT_ANNOTATION]: why })];
  const message = `${describeRef(ref)} is kept, since it may hold data: ${why}; \`libretto prune\` removes it`;
  return [
    markChange(ref, object, {
      patch,
      rank,
      why: 'is kept',
      event: { type: 'Warning', reason: 'Kept', message },
    }),
  ];
}

/** Fields on objects of others that no Patch manifest gives any more. */
function releases({ scope, states }: Pass, rank: number): readonly Change[] {
  const patched = new Set(
    [...states.values()].flatMap(({ steps }) =>
      steps.filter(({ child }) => child.placement === 'patched').map(({ child }) => refKey(child.ref)),
    ),
  );
  return scope.snapshot.candidates.flatMap((object) => {
    const mark = patchMarkOf(object, scope.owner);
    if (mark === undefined || patched.has(refKey(refOf(object))) || isTerminating(object)) return [];
    return [releaseChange(object, scope.owner.patchManager, rank)];
  });
}

export function releaseChange(object: KubeObject, fieldManager: string, rank: number): Change {
  const ref = refOf(object);
  return {
    kind: 'release',
    ref,
    rank,
    basis: '',
    why: 'is no longer patched',
    fieldManager,
    uid: object.metadata.uid ?? '',
  };
}
