/**
 * Where a child may live, and what follows for its ownership: an ownerReference cleans children in the resource's own
 * namespace; all others are found by label and cleaned by the finalizer.
 */
import type { JsonObject, KubeObject } from '../kube/object.ts';
import { getPath, text } from '../kube/value.ts';
import type { Manifest, Watch } from '../playbook/model.ts';
import { type Blocker, formatPlace, joinMessages, pending, terminal } from './blocker.ts';
import { unknownOf } from './evaluate.ts';
import type { Instance } from './instances.ts';
import { awaited } from './missing.ts';
import type { KindInfo } from './model.ts';
import { isOurs } from './ownership.ts';
import type { Scope } from './scope.ts';

/**
 * `owned`: carries an ownerReference. `tracked`: found by label, cleaned by the finalizer. `patched`: someone else's
 * object that is given fields; the finalizer gives them up.
 */
export type Placement = 'owned' | 'tracked' | 'patched';

export function placementOf(scope: Scope, manifest: Manifest, namespace: string | undefined): Placement {
  if (manifest.policy === 'Patch') return 'patched';
  if (hasOrphans(scope.watch)) return 'tracked';
  const { namespace: own } = scope.owner;
  return own === undefined || own === namespace ? 'owned' : 'tracked';
}

/**
 * Foreground deletion removes children with an ownerReference at once although a finalizer holds the owner, so a watch
 * with anything to do or to spare on deletion gives none of its children one (actions.md, Deletion).
 */
function hasOrphans(watch: Watch): boolean {
  return (
    watch.manifests.some((manifest) => manifest.onDelete === 'Orphan') ||
    watch.actions.some(({ on }) => on.delete)
  );
}

/** The namespace of a child, or why it cannot be told; undefined for a cluster-scoped kind. */
export function namespaceOf(
  scope: Scope,
  instance: Instance,
  tree: JsonObject,
  kind: KindInfo,
): string | undefined | Blocker {
  const { manifest } = instance;
  const rendered = text(getPath(tree, ['metadata', 'namespace']));
  if (!kind.namespaced) {
    return rendered === undefined
      ? undefined
      : invalid(manifest, `${kind.gvk.kind} is cluster-scoped and has no namespace`);
  }
  const asked = manifest.namespace === undefined ? rendered : renderNamespace(scope, instance);
  if (typeof asked === 'object') return asked;
  if (manifest.namespace !== undefined && rendered !== undefined && rendered !== asked) {
    return invalid(manifest, `the template says namespace ${rendered}, watches.yaml says ${asked}`);
  }
  return (
    asked ??
    scope.owner.namespace ??
    invalid(manifest, 'a child of a cluster-scoped resource needs a namespace')
  );
}

function renderNamespace(scope: Scope, instance: Instance): string | undefined | Blocker {
  const { namespace } = instance.manifest;
  if (namespace === undefined) return undefined;
  const unknown = unknownOf(scope, namespace);
  if (unknown !== undefined) return unknown;
  const rendering = namespace.render(scope.context(instance.local));
  switch (rendering.kind) {
    case 'missing':
      return awaited(scope, rendering.missing, instance.manifest);
    case 'error':
      return terminal(
        'TemplateError',
        joinMessages(rendering.problems.map((p) => `${formatPlace(p)}: ${p.message}`)),
      );
    case 'value':
      if (rendering.value === undefined || typeof rendering.value === 'string') return rendering.value;
      return terminal('TemplateError', `${formatPlace(namespace.place)}: a namespace must be a string`);
  }
}

/**
 * May the child live there? Its own namespace always; one that the resource itself makes too; all else needs the
 * playbook's word and the administrator's. `made`: namespaces that manifests of this pass describe.
 */
export function checkNamespace(
  scope: Scope,
  manifest: Manifest,
  namespace: string | undefined,
  made: ReadonlySet<string>,
): Blocker | undefined {
  const { owner, snapshot } = scope;
  if (namespace === undefined) return undefined;
  const known = snapshot.namespace(namespace);
  if (known?.terminating === true)
    return pending('NamespaceTerminating', `waits for namespace ${namespace}, which is being deleted`);
  if (namespace === owner.namespace) return undefined;
  const own = made.has(namespace) || isOwnNamespace(scope, namespace);
  if (!own) {
    const refusal = refuseNamespace(scope, manifest, namespace);
    if (refusal !== undefined) return refusal;
  }
  if (known !== undefined || made.has(namespace)) return undefined;
  return pending('NamespaceMissing', `waits for namespace ${namespace}, which does not exist`);
}

function isOwnNamespace(scope: Scope, name: string): boolean {
  const live: KubeObject | undefined = scope.snapshot.lookup({ group: '', kind: 'Namespace', name });
  return live !== undefined && isOurs(live, scope.owner);
}

function refuseNamespace(scope: Scope, manifest: Manifest, namespace: string): Blocker | undefined {
  const place = formatPlace(manifest.place);
  if (!ruleAllows(scope, manifest, namespace)) {
    const message = `${place}: ${manifest.id} may not live in namespace ${namespace} (the manifest's \`namespaces\` does not allow it)`;
    return terminal('NamespaceNotAllowed', message);
  }
  if (scope.snapshot.allowances.otherNamespaces) return undefined;
  const message = `${place}: ${manifest.id} may not live in namespace ${namespace} (the administrator allows no other namespaces)`;
  return terminal('NamespaceNotAllowed', message);
}

function ruleAllows(scope: Scope, manifest: Manifest, namespace: string): boolean {
  const rule = manifest.namespaces;
  switch (rule.kind) {
    case 'Own':
      return false;
    case 'List':
      return rule.names.includes(namespace);
    case 'Labels': {
      const labels = scope.snapshot.namespace(namespace)?.labels ?? {};
      return Object.entries(rule.labels).every(([name, value]) => labels[name] === value);
    }
    case 'Any':
      return true;
  }
}

export function invalid(manifest: Manifest, problem: string): Blocker {
  return terminal('InvalidManifest', `${manifest.template.file} (${manifest.id}): ${problem}`);
}
