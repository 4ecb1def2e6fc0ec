/** Which kinds of the inventory are managed no more and have no object left: those may be forgotten. */
import { OWNER_ANNOTATION, OWNER_UID_LABEL } from '../kube/labels.ts';
import { type GroupVersionKind, groupKind, type KubeObject } from '../kube/object.ts';
import type { Watch } from '../playbook/model.ts';
import { type KindView, patchOwners } from './kind-view.ts';
import type { Views } from './views.ts';

export function leftoverKinds(options: {
  /** What is watched. */
  gvk: GroupVersionKind;
  /** All versions that work on it. */
  watches: readonly Watch[];
  known: readonly GroupVersionKind[];
  views: Views;
}): readonly GroupVersionKind[] {
  const managed = new Set(options.watches.flatMap(({ manifests }) => manifests.map((m) => groupKind(m.gvk))));
  const former = options.known.filter((gvk) => !managed.has(groupKind(gvk)));
  return former.filter((gvk) => isEmpty(options.views.get(gvk), options.gvk));
}

/** A view that is not synced proves nothing. */
function isEmpty(view: KindView | undefined, watched: GroupVersionKind): boolean {
  if (view === undefined || !view.synced || view.failure !== undefined) return false;
  const prefix = `${groupKind(watched)}/`;
  return !view.list().some((object) => mayBeOurs(object, prefix));
}

/** Without the annotation that names its owner's kind, anything that carries an owner mark of ours counts. */
function mayBeOurs(object: KubeObject, prefix: string): boolean {
  const { labels, annotations } = object.metadata;
  const owner = annotations?.[OWNER_ANNOTATION];
  if (owner !== undefined) return owner.startsWith(prefix);
  return labels?.[OWNER_UID_LABEL] !== undefined || patchOwners(object).length > 0;
}
