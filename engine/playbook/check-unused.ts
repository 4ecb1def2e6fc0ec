/** What a watch declares and nothing reads: left over, or misspelt where it should be read. */
import type { Place } from '../base/diagnostic.ts';
import type { Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Use } from './load-scope.ts';
import type { Watch } from './model.ts';

export function warnUnused(
  uses: readonly Use[],
  { vars, observe, probes }: Pick<Watch, 'vars' | 'observe' | 'probes'>,
  problems: Problems,
): void {
  const references = uses.flatMap((use) => use.references);
  const named = vars.map(({ name, expression }) => ({ name, place: expression.place }));
  const sorts: readonly Sort[] = [
    { root: 'vars', what: 'var', code: 'UnusedVar', declared: named },
    { root: 'observe', what: 'observed object', code: 'UnusedObservation', declared: observe },
    { root: 'probes', what: 'probe', code: 'UnusedProbe', declared: probes },
  ];
  for (const sort of sorts) warnUnread(sort, references, problems);
}

interface Sort {
  readonly root: Reference['root'];
  readonly what: string;
  readonly code: string;
  readonly declared: readonly { readonly name: string; readonly place: Place }[];
}

function warnUnread(
  { root, what, code, declared }: Sort,
  references: readonly Reference[],
  problems: Problems,
): void {
  const read = references.filter((reference) => reference.root === root);
  // Who reads the whole reads each part.
  if (read.some(({ path }) => path.length === 0)) return;
  const names = new Set(read.map(({ path }) => path[0]));
  for (const { name, place } of declared) {
    if (names.has(name)) continue;
    const hint = `remove it, or read it as ${root}.${name}`;
    problems.warn(code, place, { message: `nothing reads the ${what} ${name}`, hint });
  }
}
