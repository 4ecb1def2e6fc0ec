/** Ended runs go when there are more than an action keeps; what they did stands in the evidence. */
import type { ActionPass } from './pass.ts';
import { isEnded, type Run } from './run.ts';

const KEPT_OF_UNKNOWN = 5;

/**
 * Never collected: an action's newest run, create runs, final runs, runs inside a limit's window, and one that still
 * holds its vars. Their Jobs and parts go with them.
 */
export function collectHistory({ scope, runs, output }: ActionPass): void {
  for (const [name, group] of Map.groupBy(runs.roots, ({ action }) => action)) {
    const action = scope.watch.actions.find((known) => known.name === name);
    const window = 1000 * (action?.limit?.perSeconds ?? 0);
    const ended = group.filter(isEnded).toSorted((a, b) => endOf(b) - endOf(a));
    const newest = group.at(-1);
    const mayGo = (run: Run): boolean =>
      run.uid !== newest?.uid &&
      run.trigger !== 'Create' &&
      run.trigger !== 'Delete' &&
      (run.status.phase !== 'Failed' || (run.status.released && run.status.retryAt === undefined)) &&
      (run.status.startedAt ?? 0) + window <= scope.snapshot.now;
    const surplus = ended.slice(Math.max(1, action?.history ?? KEPT_OF_UNKNOWN)).filter(mayGo);
    for (const run of surplus) output.runs.push({ kind: 'delete', ref: run.ref, uid: run.uid, events: [] });
  }
}

function endOf({ status, createdAt }: Run): number {
  return status.finishedAt ?? createdAt;
}
