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
/**
 * Annotation on a child: `Orphan` where it outlives its owner, `Delete` where it carries no ownerReference and the
 * finalizer deletes it. A child with neither this nor our ownerReference was orphaned by its user: left alone.
 */
export const ON_DELETE_ANNOTATION = 'libretto.dev/on-delete';
/** Annotation on a child: `Delete` or `Keep` where its manifest says what happens when it leaves the desired state. */
export const PRUNE_ANNOTATION = 'libretto.dev/prune';
/**
 * Annotation on a child of a decorating watch (one that does not write the kind's status): the watch's name. A watch
 * prunes nothing of another watch on the same resource.
 */
export const DECORATOR_ANNOTATION = 'libretto.dev/decorator';
/** Annotation on a child of a manifest with `policy: CreateOnly`. */
export const POLICY_ANNOTATION = 'libretto.dev/policy';
/** Annotation on a child that left the desired state and is kept all the same; `libretto prune` finds it by this. */
export const KEPT_ANNOTATION = 'libretto.dev/kept';
/** Annotation on an object of someone else, with the owner's uid appended: `<hash> <manifest id>` of a Patch manifest. */
export const PATCH_ANNOTATION_PREFIX = 'patch.libretto.dev/';
/** Annotation on a child: short hashes of the paths last applied, so that a field lost meanwhile is known as ours. */
export const FIELDS_ANNOTATION = 'libretto.dev/fields';
/** Annotation on an orphan: `Kind.group/namespace/name` of the resource that it came from. */
export const ORPHANED_FROM_ANNOTATION = 'libretto.dev/orphaned-from';
/** Annotation on a resource that asks to leave all children: `Orphan`. */
export const DELETION_ANNOTATION = 'libretto.dev/deletion';
/** Finalizer on a resource with children that ownerReferences cannot clean. */
export const FINALIZER = 'libretto.dev/cleanup';
/** Label on a ConfigMap that is (a part of) a playbook; the value is the playbook's name. */
export const PLAYBOOK_LABEL = 'libretto.dev/playbook';
/** Annotation on a CustomResourceDefinition: what its last change made incompatible with the one before, as JSON. */
export const INCOMPATIBLE_ANNOTATION = 'libretto.dev/incompatible';
/** Label on what a run makes (Jobs and their Pods, Secrets of outputs): the run's uid. */
export const RUN_UID_LABEL = 'libretto.dev/run-uid';
/** Label beside it: the step's name. */
export const RUN_STEP_LABEL = 'libretto.dev/run-step';
/** Label beside it: `attempt`, and with forEach `attempt.item`. */
export const RUN_ATTEMPT_LABEL = 'libretto.dev/run-attempt';
/** Label on an ActionRun that the engine made: the action's name. */
export const ACTION_LABEL = 'libretto.dev/action';
/** Annotation on a resource: what its actions have done, so that nothing is done twice when runs are deleted. */
export const ACTION_STATE_ANNOTATION = 'libretto.dev/action-state';
/** Annotation on a resource that lets it go without its final actions: `true`. */
export const SKIP_FINAL_ACTIONS_ANNOTATION = 'libretto.dev/skip-final-actions';
/** Label every child carries, the field's own. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const FIELD_MANAGER = 'libretto';
