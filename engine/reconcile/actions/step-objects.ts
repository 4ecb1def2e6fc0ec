/** `delete` and `apply` steps: objects that go, and objects that outlive the run. */
import { sha256 } from '../../base/hash.ts';
import { RUN_UID_LABEL } from '../../kube/labels.ts';
import {
  describeRef,
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refKey,
  refOf,
} from '../../kube/object.ts';
import { asJson, getPath, isJsonObject, text } from '../../kube/value.ts';
import type { DeleteTarget } from '../../playbook/action-model.ts';
import type { Template } from '../../playbook/model.ts';
import { withMetadata } from '../stamp.ts';
import { failed, going, type Progress, type StepAt } from './pass.ts';
import { type Rendered, renderingProblem, renderText } from './render.ts';
import type { Target } from './run.ts';
import { workLabels } from './step-job.ts';

/**
 * The objects that a `delete` step means, before anything is requested. Nothing is deleted on doubt: a list that is not
 * complete is waited for.
 */
export function resolveTargets(
  at: Omit<StepAt, 'record'>,
  target: DeleteTarget,
): Rendered<readonly Target[]> {
  const { scope } = at.pass;
  const context = scope.context(at.local);
  const kind = scope.kind(target.gvk);
  if ('reason' in kind) return { kind: 'missing', message: kind.message };
  const place = namespaceOf(at, target, kind.namespaced);
  if (place.kind !== 'value') return place;
  if (target.by.kind === 'name') {
    const name = renderText(target.by.name, context);
    if (name.kind !== 'value') return name;
    const found = scope.snapshot.lookup({ ...target.gvk, ...place.value, name: name.value });
    return { kind: 'value', value: found === undefined ? [] : [targetOf(found)] };
  }
  return selectTargets(at, target, { labels: target.by.labels, namespace: place.value.namespace });
}

function namespaceOf(
  at: Omit<StepAt, 'record'>,
  target: DeleteTarget,
  namespaced: boolean,
): Rendered<{ readonly namespace?: string }> {
  const { snapshot } = at.pass.scope;
  const own = snapshot.actions.namespace;
  if (!namespaced) return { kind: 'value', value: {} };
  if (target.namespace === undefined) return { kind: 'value', value: { namespace: own } };
  const namespace = renderText(target.namespace, at.pass.scope.context(at.local));
  if (namespace.kind !== 'value') return namespace;
  if (namespace.value !== own && !snapshot.allowances.otherNamespaces)
    return { kind: 'error', message: `deleting in namespace ${namespace.value} is not allowed` };
  return { kind: 'value', value: { namespace: namespace.value } };
}

type Labels = Extract<DeleteTarget['by'], { kind: 'selector' }>['labels'];

function selectTargets(
  at: Omit<StepAt, 'record'>,
  target: DeleteTarget,
  { labels, namespace }: { readonly labels: Labels; readonly namespace: string | undefined },
): Rendered<readonly Target[]> {
  const wanted: Record<string, string> = {};
  for (const [name, template] of Object.entries(labels)) {
    const value = renderText(template, at.pass.scope.context(at.local));
    if (value.kind !== 'value') return value;
    wanted[name] = value.value;
  }
  const found = at.pass.scope.snapshot.actions.select(target.gvk, namespace, wanted);
  if (!found.synced) return { kind: 'missing', message: `waits for the list of ${target.gvk.kind}` };
  const living = found.objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return { kind: 'value', value: draw(at.run.uid, living, target.random).map(targetOf) };
}

/** By a hash of the run's uid and the object's: as good as chance, and the same after a crash. */
function draw(
  runUid: string,
  objects: readonly KubeObject[],
  count: number | undefined,
): readonly KubeObject[] {
  if (count === undefined) return objects;
  const lot = ({ metadata }: KubeObject): string => sha256(`${runUid}/${metadata.uid ?? ''}`);
  return objects.toSorted((a, b) => (lot(a) < lot(b) ? -1 : 1)).slice(0, count);
}

function targetOf({ metadata }: KubeObject): Target {
  const { name, namespace, uid = '' } = metadata;
  return { name, uid, ...(namespace === undefined ? {} : { namespace }) };
}

/** All are requested together; done when the very objects are gone, whatever came in their place. */
export function deleteProgress(at: StepAt, target: DeleteTarget): Progress {
  const { snapshot } = at.pass.scope;
  const left = (at.record.targets ?? []).flatMap((aim) => {
    const found = snapshot.lookup({ ...target.gvk, ...placeOf(aim), name: aim.name });
    return found !== undefined && found.metadata.uid === aim.uid ? [found] : [];
  });
  const [first] = left;
  if (first === undefined) return { kind: 'done', result: {} };
  for (const object of left) {
    const ref = refOf(object);
    const refusal = snapshot.memory.refusals[refKey(ref)];
    at.pass.output.remember.add(refKey(ref));
    if (refusal?.kind === 'forbidden') return failed('Forbidden', `${describeRef(ref)}: ${refusal.message}`);
    if (object.metadata.deletionTimestamp === undefined)
      at.pass.output.deleteObject(
        object,
        `step ${at.record.name} of ${at.run.name} deletes it`,
        'Background',
      );
  }
  const names = left.map((object) => describeRef(refOf(object))).join(', ');
  return going(`waits until ${names} ${left.length === 1 ? 'is' : 'are'} gone`);
}

function placeOf({ namespace }: Target): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

/** Objects are marked with the attempt that applied them, carry no owner, and stay. */
export function applyProgress(at: StepAt, template: Template): Progress {
  const { scope } = at.pass;
  const rendering = template.render(scope.context(at.local));
  if (rendering.kind === 'missing') return going(renderingProblem(rendering).message);
  if (rendering.kind === 'error') return failed('TemplateError', renderingProblem(rendering).message);
  const waiting: string[] = [];
  for (const { tree } of rendering.documents) {
    const applied = applyOne(at, tree);
    if (applied.kind === 'failed') return applied;
    if (applied.kind === 'going') waiting.push(applied.message);
  }
  return waiting.length === 0 ? { kind: 'done', result: {} } : going(waiting.join('; '));
}

function applyOne(at: StepAt, tree: JsonObject): Progress {
  const { snapshot } = at.pass.scope;
  const ref = refOfTree(at, tree);
  if ('reason' in ref) return ref;
  const found = snapshot.lookup(ref);
  const labels = workLabels(at.run, at.record);
  if (
    found !== undefined &&
    Object.entries(labels).every(([name, value]) => found.metadata.labels?.[name] === value)
  )
    return { kind: 'done', result: {} };
  const refusal = snapshot.memory.refusals[refKey(ref)];
  at.pass.output.remember.add(refKey(ref));
  if (refusal !== undefined) return failed('ApplyRefused', `${describeRef(ref)}: ${refusal.message}`);
  if (found !== undefined && found.metadata.labels?.[RUN_UID_LABEL] === undefined)
    return failed('NameTaken', `${describeRef(ref)} exists already and was not made by an action`);
  const own = getPath(tree, ['metadata', 'labels']);
  const body = withMetadata(tree, {
    name: ref.name,
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    labels: { ...objectOf(own), ...labels },
  });
  at.pass.output.apply(ref, body, {
    fieldManager: `${snapshot.fieldManager}-action`,
    seen: found?.metadata.resourceVersion ?? '',
    why: `step ${at.record.name} of ${at.run.name} applies it`,
  });
  return going(`${describeRef(ref)} is being applied`);
}

function objectOf(value: unknown): JsonObject {
  const json = asJson(value ?? {});
  return isJsonObject(json) ? json : {};
}

function refOfTree(at: StepAt, tree: JsonObject): ObjectRef | Extract<Progress, { kind: 'failed' }> {
  const { scope } = at.pass;
  const own = scope.snapshot.actions.namespace;
  const [apiVersion, kind] = [text(tree.apiVersion) ?? '', text(tree.kind) ?? ''];
  const gvk = gvkOf({ apiVersion, kind });
  const info = scope.snapshot.kind(gvk);
  const name = text(getPath(tree, ['metadata', 'name'])) ?? '';
  const namespace = text(getPath(tree, ['metadata', 'namespace'])) ?? own;
  if (info === undefined)
    return notApplied('KindNotServed', `the cluster does not serve ${apiVersion} ${kind}`);
  if (name === '') return notApplied('InvalidManifest', `${kind} has no name`);
  if (!info.namespaced) return { ...gvk, name };
  if (namespace !== own && !scope.snapshot.allowances.otherNamespaces)
    return notApplied('NamespaceNotAllowed', `${kind} ${name} may not live in namespace ${namespace}`);
  return { ...gvk, namespace, name };
}

function notApplied(reason: string, message: string): Extract<Progress, { kind: 'failed' }> {
  return { kind: 'failed', reason, message };
}
