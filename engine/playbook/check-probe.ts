/** Judges what is read of a probe's result: `probes.X.ok`, and of a list of results `probes.X[key = "a"].ok`. */
import { PROBE_FIELDS } from './action-model.ts';
import type { ElementReference } from './language.ts';
import type { Problems } from './load-problems.ts';
import { isPosition, type ListReading } from './schema-path.ts';
import { didYouMean } from './suggest.ts';

export interface ProbeName {
  /** With forEach: a list of results. */
  readonly list: boolean;
  /** `parse: text`: nothing stands below `value`. */
  readonly text: boolean;
}

export interface ProbeCheck {
  readonly probes: ReadonlyMap<string, ProbeName>;
  readonly lists: ListReading;
  readonly problems: Problems;
}

export function checkProbe(path: ElementReference, check: ProbeCheck): void {
  const [name] = path.path;
  if (name === undefined) return;
  const { probes, problems } = check;
  const probe = probes.get(name);
  if (probe !== undefined) checkField(path, { ...check, name, probe });
  else if (path.from === 0) {
    const hint = didYouMean(name, [...probes.keys()], 'probes.') ?? 'add it to the noun probes';
    problems.error('UnknownProbe', path.place, { message: `there is no probe ${name}`, hint });
  }
}

interface FieldCheck extends ProbeCheck {
  readonly name: string;
  readonly probe: ProbeName;
}

function checkField({ path, place, from }: ElementReference, check: FieldCheck): void {
  const { name, probe, lists, problems } = check;
  const { list, text } = probe;
  const numbered = list && isPosition(path[1] ?? '', lists);
  const at = numbered ? 2 : 1;
  const [field, below] = path.slice(at);
  const fields: readonly string[] = list ? [...PROBE_FIELDS, 'key'] : PROBE_FIELDS;
  if (field === undefined || (list && field === 'length')) return;
  if (!fields.includes(field)) {
    if (at < from) return;
    const hint = didYouMean(field, fields, from === 0 ? `probes.${name}.` : '');
    problems.error('UnknownPath', place, { message: `a probe has no ${field}`, hint });
  } else if (list && !numbered && lists === 'index') {
    if (at < from) return;
    const message = `probes.${name} is a list; ${field} stands in its items`;
    problems.error('UnknownPath', place, { message, hint: `go through it with {{#each probes.${name}}}` });
  } else if (text && field === 'value' && below !== undefined && below !== 'length' && at + 1 >= from) {
    const message = `the value of probe ${name} is a text; nothing stands below it`;
    problems.error('UnknownPath', place, { message, hint: 'add parse: json to the probe' });
  }
}
