/** What can be judged of one step beyond its form: held fields, Jobs, objects that the manifests keep. */
import { groupKind } from '../kube/object.ts';
import type { DeleteTarget } from './action-model.ts';
import type { StepOutline } from './action-outline.ts';
import type { NamedExpression, Reference, Template, TemplateDocument } from './language.ts';
import type { NamedNode } from './load-node.ts';
import type { WatchScope } from './load-scope.ts';
import type { Manifest, StatusField } from './model.ts';
import { didYouMean } from './suggest.ts';

/** `set` writes fields that the watch holds, and no others. */
export function checkSetField(
  { problems }: WatchScope,
  entry: NamedNode,
  fields: readonly StatusField[],
): void {
  const { name, keyPlace } = entry;
  const field = fields.find((each) => each.name === name);
  if (field?.kind === 'held') return;
  if (field?.kind === 'projection') {
    const message = `status.${name} is computed in each pass, so that it can't be set`;
    const hint = `write ${name}: {initial: …} in the noun status to hold a value`;
    problems.error('StatusFieldNotHeld', keyPlace, { message, hint });
    return;
  }
  const held = fields.filter(({ kind }) => kind === 'held').map((each) => each.name);
  const hint = didYouMean(name, held) ?? `add ${name}: {initial: …} to the noun status`;
  problems.error('UnknownStatusField', keyPlace, { message: `the watch holds no status.${name}`, hint });
}

export interface SetSurroundings {
  /** True where nothing of the run took time before. */
  readonly first: boolean;
  /** Evaluated when the run or the step began: names that are frozen by then. */
  readonly frozen: ReadonlySet<string>;
  readonly watchVars: readonly NamedExpression[];
}

/** The spec may have changed since the run began: what was done then was done for its old value. */
export function checkFrozen(
  { problems }: WatchScope,
  fields: readonly NamedExpression[],
  around: SetSurroundings,
): void {
  if (around.first) return;
  for (const { name, expression } of fields) {
    const live = expression.references.find((each) => readsSpec(each, around, new Set()));
    if (live === undefined) continue;
    const path = [live.root, ...live.path].join('.');
    const message = `status.${name} is set from ${path}, which may have changed since the run began`;
    const hint = `freeze it: give the action vars: {…: ${path}}, and set the field from vars`;
    problems.error('SetFromLiveSpec', live.place, { message, hint });
  }
}

function readsSpec({ root, path }: Reference, around: SetSurroundings, seen: Set<string>): boolean {
  const [name] = path;
  if (root === 'spec') return true;
  if (root === 'object') return name === undefined || name === 'spec';
  if (root !== 'vars' || name === undefined || around.frozen.has(name) || seen.has(name)) return false;
  seen.add(name);
  const found = around.watchVars.find((each) => each.name === name);
  return found?.expression.references.some((each) => readsSpec(each, around, seen)) ?? false;
}

/** A Job of a step is created once and watched to its end. */
export function checkJob({ problems }: WatchScope, { documents, file }: Template): void {
  const [job, second] = documents;
  if (job === undefined) return;
  const hint = 'one file, one Job: write a step for each';
  if (second !== undefined)
    problems.error('BadJobTemplate', second.place, { message: `${file} holds several objects`, hint });
  if (groupKind(job) !== 'Job.batch') {
    const message = `${file} is a ${job.kind}, and the step wants a Job`;
    problems.error('BadJobTemplate', job.place, { message, hint: 'write apiVersion: batch/v1, kind: Job' });
    return;
  }
  if (sourceOf(job, 'spec.ttlSecondsAfterFinished') !== undefined) {
    const message = 'ttlSecondsAfterFinished would remove the Job before its end is seen';
    problems.error('BadJobTemplate', job.place, { message, hint: 'remove it: Jobs go with their run' });
  }
  if (sourceOf(job, 'spec.template.spec.restartPolicy') === 'Always') {
    const message = 'the pod of a Job cannot restart for ever';
    problems.error('BadJobTemplate', job.place, { message, hint: 'write restartPolicy: Never' });
  }
}

function sourceOf({ sources }: TemplateDocument, path: string): string | undefined {
  return sources.get(path)?.[0];
}

/** What the manifests keep is there again in the next pass. */
export function checkDelete(
  { problems }: WatchScope,
  { node }: Pick<StepOutline, 'node'>,
  { gvk, by }: DeleteTarget,
  manifests: readonly Manifest[],
): void {
  if (by.kind !== 'name') return;
  const name = plain(by.name.source);
  const kept = manifests.find((manifest) => {
    const names = manifest.template.documents[manifest.document]?.sources.get('metadata.name') ?? [];
    return (
      groupKind(manifest.gvk) === groupKind(gvk) &&
      manifest.policy !== 'Patch' &&
      names.some((each) => plain(each) === name)
    );
  });
  if (kept === undefined) return;
  const message = `the manifest ${kept.id} keeps this ${gvk.kind}, and would create it again`;
  const hint = `steer it by a var: when: vars.… on the manifest, and vars on the step`;
  problems.error('DeleteOfChild', node.place, { message, hint });
}

/** White space within braces means nothing. */
function plain(source: string): string {
  return source.replace(/\{\{\s*|\s*\}\}/g, (braces) => braces.trim());
}
