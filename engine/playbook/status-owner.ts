/** Which watch writes a kind's status: one per kind (two field owners would take it from each other for ever). */
import { groupKind } from '../kube/object.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import type { Problems } from './load-problems.ts';
import type { WatchDraft } from './load-watch.ts';

/**
 * The watches with the noun health or status write it. Where none of a kind has them, the first one writes the status of
 * a kind that this playbook defines; a kind of someone else is then only decorated.
 */
export function statusOwners(
  drafts: readonly WatchDraft[],
  catalogue: KindCatalogue,
  problems: Problems,
): ReadonlySet<WatchDraft> {
  const owners = new Set<WatchDraft>();
  const kinds = Map.groupBy(drafts, ({ watch }) => groupKind(watch.gvk));
  for (const [kind, watches] of kinds) {
    const [writer, ...others] = watches.filter(({ writesStatus }) => writesStatus !== undefined);
    for (const { writesStatus, watch } of others) {
      const message = `another watch writes the status of ${kind} already (line ${writer?.watch.place.line ?? 1})`;
      const hint = 'keep the nouns health and status in one watch of the kind';
      problems.error('StatusWrittenTwice', writesStatus ?? watch.place, { message, hint });
    }
    const [first] = watches;
    const own = first !== undefined && catalogue.ownKind(first.watch.gvk) !== undefined;
    const owner = writer ?? (own ? first : undefined);
    if (owner !== undefined) owners.add(owner);
    reportRepeated(
      watches.filter((draft) => draft !== owner),
      problems,
    );
  }
  return owners;
}

/** Decorating watches are told apart by their selectors; two alike would remove each other's children. */
function reportRepeated(decorators: readonly WatchDraft[], problems: Problems): void {
  const seen = new Map<string, WatchDraft>();
  for (const draft of decorators) {
    const { selector, place, gvk } = draft.watch;
    const key = JSON.stringify(Object.entries(selector?.matchLabels ?? {}).toSorted());
    const before = seen.get(key);
    if (before !== undefined) {
      const message = `line ${before.watch.place.line} watches ${gvk.kind} with the same selector`;
      problems.error('WatchRepeated', place, { message, hint: 'make one watch of the two' });
    }
    seen.set(key, draft);
  }
}
