/** Kinds as people name them on a command line. */
import type { ApiResource, Discovery } from '../cluster/api.ts';
import { nearest } from '../playbook/suggest.ts';
import { UsageError } from './command.ts';

/** By kind, plural, or plural with its group; case does not matter. */
export function findKind(text: string, discovery: Discovery): ApiResource {
  const wanted = text.toLowerCase();
  const all = discovery.resources().filter(({ verbs }) => verbs.includes('get'));
  const matching = all.filter(({ gvk, plural }) =>
    [
      gvk.kind.toLowerCase(),
      plural,
      `${plural}.${gvk.group}`,
      `${gvk.kind.toLowerCase()}.${gvk.group}`,
    ].includes(wanted),
  );
  const [found] = matching;
  if (found === undefined) {
    const near = nearest(
      wanted,
      all.map(({ gvk }) => gvk.kind.toLowerCase()),
    );
    throw new UsageError(
      `the cluster serves no kind ${text}`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }
  const groups = [...new Set(matching.map(({ gvk }) => gvk.group))];
  if (groups.length > 1)
    throw new UsageError(
      `${text} is a kind of several groups`,
      `say which: ${groups.map((g) => `${found.plural}.${g}`).join(', ')}`,
    );
  return discovery.byKind(found.gvk.group, found.gvk.kind) ?? found;
}
