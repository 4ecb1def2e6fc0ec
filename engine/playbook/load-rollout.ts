/** `rollout` of watches.yaml: how a new version of the playbook reaches the resources that are there. */
import { durationAt } from './action-duration.ts';
import type { LoadDocument, LoadNode } from './load-node.ts';
import { sourceOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import type { RolloutPolicy } from './model.ts';

const PAUSE_SECONDS = 300;
/** As a Deployment's progressDeadlineSeconds. */
const DEADLINE_SECONDS = 600;

/** Undefined where there is none, or it is wrong (and reported). */
export function loadRollout(document: LoadDocument, problems: Problems): RolloutPolicy | undefined {
  const node = document.get(document.root, 'rollout');
  if (node === undefined) return undefined;
  const canary = canaryAt(document.get(node, 'canary'));
  const pauseSeconds = durationAt({ problems }, document.get(node, 'pause'), 0) ?? PAUSE_SECONDS;
  const deadlineSeconds = durationAt({ problems }, document.get(node, 'deadline'), 1) ?? DEADLINE_SECONDS;
  return canary === undefined ? undefined : { canary, pauseSeconds, deadlineSeconds };
}

function canaryAt(node: LoadNode | undefined): RolloutPolicy['canary'] | undefined {
  const found = /^(\d+)(%?)$/.exec(sourceOf(node) ?? '');
  if (found === null) return undefined;
  const number = Number(found[1]);
  return found[2] === '%' ? { kind: 'share', percent: number } : { kind: 'count', count: number };
}
