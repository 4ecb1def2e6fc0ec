/** The names that Libretto puts on objects. They are an interface: teardown and users' tools read them. */

/** Label on a child: uid of the resource that owns it. */
export const OWNER_UID_LABEL = 'libretto.dev/owner-uid';
/** Annotation on a child: `Kind.group/namespace/name` of its owner. */
export const OWNER_ANNOTATION = 'libretto.dev/owner';
/** Annotation on a child: the manifest id (and `#key` under forEach) that describes it. */
export const MANIFEST_ANNOTATION = 'libretto.dev/manifest';
/** Annotation on a child: hash of the manifest as last rendered and applied. */
export const HASH_ANNOTATION = 'libretto.dev/hash';
/** Annotation on a child: its rank; teardown goes from the highest to the lowest. */
export const RANK_ANNOTATION = 'libretto.dev/rank';
/** Annotation on a child: `Orphan` or `Keep` where it outlives its owner or the desired state. */
export const ON_DELETE_ANNOTATION = 'libretto.dev/on-delete';
export const PRUNE_ANNOTATION = 'libretto.dev/prune';
/** Annotation on an orphan: `Kind.group/namespace/name` of the resource that it came from. */
export const ORPHANED_FROM_ANNOTATION = 'libretto.dev/orphaned-from';
/** Annotation on a resource that asks to leave all children: `Orphan`. */
export const DELETION_ANNOTATION = 'libretto.dev/deletion';
/** Finalizer on a resource with children that ownerReferences cannot clean. */
export const FINALIZER = 'libretto.dev/cleanup';
/** Label on a ConfigMap that is (a part of) a playbook; the value is the playbook's name. */
export const PLAYBOOK_LABEL = 'libretto.dev/playbook';
/** Label every child carries, the field's own. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const FIELD_MANAGER = 'libretto';
