/** Probes that a step names must have run anew since it began: an older answer speaks of the state before it. */
import type { Reference } from '../../playbook/model.ts';
import type { ActionPass } from './pass.ts';

/** The probes among the references that have had no round since then; they are asked for. */
export function staleProbes(
  { scope, output }: ActionPass,
  references: readonly Reference[],
  since: number,
): readonly string[] {
  const { probedAt } = scope.snapshot.actions;
  const named = new Set(
    probeNames(
      references,
      scope.watch.probes.map(({ name }) => name),
    ),
  );
  for (const name of named) output.probesAfter.set(name, Math.max(since, output.probesAfter.get(name) ?? 0));
  return [...named].filter((name) => (probedAt[name] ?? Number.NEGATIVE_INFINITY) <= since);
}

/** The probes that references speak of; all of them where one names `probes` as a whole. */
export function probeNames(references: readonly Reference[], all: readonly string[]): readonly string[] {
  return references.flatMap(({ root, path }) => {
    if (root !== 'probes') return [];
    const [name] = path;
    return name === undefined ? all : [name];
  });
}
