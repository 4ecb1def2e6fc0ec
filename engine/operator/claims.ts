/**
 * Which playbook writes the status of which kind: one at most. Who has a kind keeps it until it lets go; the next
 * one that wants it is refused, and says why.
 */
import type { Diagnostic } from '../base/diagnostic.ts';
import { groupKind } from '../kube/object.ts';
import type { Playbook, Watch } from '../playbook/model.ts';

export class Claims {
  private readonly holders = new Map<string, string>();

  /** Takes the kinds of a playbook in addition to what it has; all problems, and nothing taken, where one is not free. */
  take(id: string, playbook: Playbook): readonly Diagnostic[] {
    const wanted = playbook.watches.filter((w) => w.ownsStatus);
    const problems = wanted.flatMap((watch): Diagnostic[] => {
      const holder = this.holders.get(groupKind(watch.gvk));
      if (holder === undefined || holder === id) return [];
      const message = `the playbook ${holder} already keeps ${watch.gvk.kind} (${watch.gvk.group}) and writes its status`;
      const hint = `remove one of the two playbooks, or let this one only add children (no health, no status)`;
      return [{ code: 'KindTaken', severity: 'error', ...watch.place, message, hint }];
    });
    if (problems.length === 0) for (const watch of wanted) this.holders.set(groupKind(watch.gvk), id);
    return problems;
  }

  /** Lets go of what the playbook no longer has. True where a kind became free. */
  keepOnly(id: string, watches: readonly Watch[]): boolean {
    const kept = new Set(watches.filter((w) => w.ownsStatus).map((w) => groupKind(w.gvk)));
    let freed = false;
    for (const [kind, holder] of this.holders) {
      if (holder === id && !kept.has(kind)) freed = this.holders.delete(kind) || freed;
    }
    return freed;
  }
}
