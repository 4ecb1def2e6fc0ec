/** The resource that a pass is about, by the names under which its children know it. */
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { type KubeObject, refKey, refOf } from '../kube/object.ts';
import type { Watch } from '../playbook/model.ts';
import type { Snapshot } from './model.ts';

export interface Owner {
  readonly resource: KubeObject;
  readonly uid: string;
  /** `Kind.group/namespace/name`, as the owner annotation has it. */
  readonly name: string;
  /** Absent for a cluster-scoped resource. */
  readonly namespace: string | undefined;
  /** The engine's field manager. */
  readonly manager: string;
  /** Field manager of Patch manifests: one for each owner, so that owners share an object without a conflict. */
  readonly patchManager: string;
}

export function ownerOf(snapshot: Snapshot): Owner {
  const { resource, fieldManager } = snapshot;
  const uid = resource.metadata.uid ?? '';
  return {
    resource,
    uid,
    name: refKey(refOf(resource)),
    namespace: resource.metadata.namespace,
    manager: fieldManager,
    patchManager: `${fieldManager}-patch-${uid}`,
  };
}

/**
 * How the children of a decorating watch are told from those of other watches on the same resource; '' for the watch
 * that writes the kind's status, whose children a renamed playbook inherits.
 */
export function decoratorName(watch: Watch, playbook: string): string {
  if (watch.ownsStatus) return '';
  if (watch.selector === undefined) return playbook;
  return `${playbook}/${sha256(canonicalJson(watch.selector.matchLabels)).slice(0, 8)}`;
}
