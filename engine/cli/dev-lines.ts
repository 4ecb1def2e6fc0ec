/** `libretto dev` where nobody watches a screen: what has become known since, as lines. */
import { formatDiagnostic } from '../base/diagnostic.ts';
import { changeLines } from './dev-change.ts';
import { tally } from './dev-screen.ts';
import { type Checked, type DevState, problemsNow, standing } from './dev-state.ts';
import { rowLine } from './up-table.ts';

export function linesBetween(before: DevState, after: DevState): readonly string[] {
  return [
    ...(before.cluster === after.cluster ? [] : [`cluster: ${after.cluster}`]),
    ...newOnes(before.troubles, after.troubles),
    ...(standing(before) === standing(after) ? [] : [standing(after)]),
    ...checkedLines(before, after),
    ...rowLines(before, after),
    ...newOnes(before.changes, after.changes).flatMap((change) => [
      `save ${change.save} changed, for ${changeLines(change)[0]}`,
      ...changeLines(change).slice(1),
    ]),
  ];
}

/** Each problem once a save, whether the static checks or the engine found it. */
function checkedLines(before: DevState, after: DevState): readonly string[] {
  const { checked } = after;
  const same = before.saves.length === after.saves.length;
  const told = new Set(same ? problemsNow(before).map(formatDiagnostic) : []);
  const problems = problemsNow(after)
    .map(formatDiagnostic)
    .filter((text) => !told.has(text));
  return checked !== undefined && checked !== before.checked
    ? [...problems, ...caseLines(checked), summary(checked.save, problemsNow(after).length, checked)]
    : problems;
}

function caseLines({ cases }: Checked): readonly string[] {
  return (cases?.failed ?? []).flatMap(({ name, problems }) => [
    ...problems.map(formatDiagnostic),
    `FAIL ${name}`,
  ]);
}

function summary(save: number, problems: number, { cases }: Checked): string {
  const count = problems === 0 ? 'no problem' : problems === 1 ? '1 problem' : `${problems} problems`;
  return `save ${save}: ${count}, ${cases === undefined ? 'cases not run' : `cases: ${tally(cases)}`}`;
}

function rowLines(before: DevState, after: DevState): readonly string[] {
  const keyOf = ({ kind, name }: DevState['rows'][number]): string => `${kind} ${name}`;
  const present = new Set(after.rows.map(keyOf));
  return [
    ...newOnes(before.rows.map(rowLine), after.rows.map(rowLine)),
    ...before.rows.filter((row) => !present.has(keyOf(row))).map((row) => `${keyOf(row)}: gone`),
  ];
}

function newOnes<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  const known = new Set(before);
  return after.filter((each) => !known.has(each));
}
