/**
 * Missing values of a template: waiting helps where the value comes from the cluster; where it comes from the resource
 * itself, its user must add it.
 */
import type { ContextRoot, Manifest, MissingValue } from '../playbook/model.ts';
import { type Blocker, formatPlace, joinMessages, pending, terminal } from './blocker.ts';
import type { Scope } from './scope.ts';

const AWAITED_ROOTS: readonly ContextRoot[] = ['children', 'observe', 'probes', 'rendered', 'status', 'run'];

/** Terminal where one of them is the user's to give, with all of those; else pending on all. */
export function awaited(scope: Scope, missing: readonly MissingValue[], manifest: Manifest): Blocker {
  const blockers = missing.map((value) => ({ value, blocker: blockerOf(scope, value, manifest) }));
  const unresolvable = blockers.filter(({ blocker }) => blocker.kind === 'terminal');
  const first = unresolvable[0] ?? blockers[0];
  if (first === undefined) return pending('ValueMissing', `${manifest.id} waits for a value`);
  const relevant = unresolvable.length > 0 ? unresolvable : blockers;
  return { ...first.blocker, message: joinMessages(relevant.map(({ blocker }) => blocker.message)) };
}

function blockerOf(scope: Scope, { reference, problem }: MissingValue, manifest: Manifest): Blocker {
  const place = formatPlace(problem);
  const absence = scope.absenceOf(reference);
  if (absence !== undefined) return { ...absence, message: `${place}: ${absence.message}` };
  const path = [reference.root, ...reference.path].join('.');
  if (isAwaited(reference.root, manifest)) return pending('ValueMissing', `${place}: waits for ${path}`);
  return terminal('MissingValue', `${place}: ${problem.message}`);
}

/** What `item` holds comes from where its forEach reads. */
function isAwaited(root: ContextRoot, manifest: Manifest): boolean {
  if (root !== 'item') return AWAITED_ROOTS.includes(root);
  return manifest.forEach?.references.some((reference) => AWAITED_ROOTS.includes(reference.root)) ?? false;
}
