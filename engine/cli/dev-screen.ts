/** The one screen of `libretto dev`, as a function of what is known: it always fits into the terminal. */
import { formatDiagnostic } from '../base/diagnostic.ts';
import { changeLines } from './dev-change.ts';
import { type CaseTally, type DevState, problemsNow, type SavedChange, standing } from './dev-state.ts';
import type { Terminal } from './terminal.ts';
import { tableLines } from './up-table.ts';

export type Size = Pick<Terminal, 'columns' | 'rows' | 'colors'>;

interface Section {
  readonly heading: readonly string[];
  readonly lines: readonly string[];
  /** Which part stays where there is no room for all. */
  readonly keep: 'first' | 'last';
}

export function screenOf(state: DevState, size: Size): readonly string[] {
  const sections = [
    { heading: titleOf(state, size), lines: [], keep: 'first' },
    troublesOf(state, size),
    problemsOf(state, size),
    casesOf(state, size),
    resourcesOf(state, size),
    changesOf(state, size),
  ] as const;
  // The last row is the cursor's.
  return fitted(
    sections.filter(({ heading, lines }) => heading.length + lines.length > 0),
    size.rows - 1,
  ).slice(0, size.rows - 1);
}

function titleOf(state: DevState, size: Size): readonly string[] {
  return [
    cut(`libretto dev ${state.playbook} · ${state.cluster} · Ctrl-C ends it`, size),
    cut(standing(state), size),
  ];
}

function troublesOf({ troubles }: DevState, size: Size): Section {
  const lines = troubles.flatMap((text) => wrapped(text, size)).map((line) => painted(line, RED, size));
  return { heading: [], lines, keep: 'last' };
}

function problemsOf(state: DevState, size: Size): Section {
  const problems = problemsNow(state);
  const known = state.checked?.save === state.saves.length;
  const count = known ? String(problems.length) : '…';
  const lines = problems.flatMap((problem) =>
    wrapped(formatDiagnostic(problem), size).map((line) =>
      painted(line, problem.severity === 'error' ? RED : YELLOW, size),
    ),
  );
  return { heading: ['', painted(`PROBLEMS ${count}`, BOLD, size)], lines, keep: 'first' };
}

function casesOf({ checked, saves }: DevState, size: Size): Section {
  const cases = checked?.save === saves.length ? checked.cases : undefined;
  const lines = (cases?.failed ?? []).flatMap(({ name, problems }) => [
    painted(cut(`  FAIL ${name}`, size), RED, size),
    ...problems.flatMap((problem) => wrapped(formatDiagnostic(problem), size)),
  ]);
  const text = cases === undefined ? '…' : tally(cases);
  return { heading: ['', painted(`CASES ${text}`, BOLD, size)], lines, keep: 'first' };
}

export function tally({ passed, failed }: CaseTally): string {
  return `${passed} passed, ${failed.length} failed`;
}

function resourcesOf({ rows }: DevState, size: Size): Section {
  if (rows.length === 0)
    return { heading: ['', 'no resource of the playbook yet'], lines: [], keep: 'first' };
  const [heading = '', ...lines] = tableLines(rows, size);
  return { heading: ['', painted(heading, BOLD, size)], lines, keep: 'first' };
}

/** What the newest save that changed anything has changed. */
function changesOf({ changes }: DevState, size: Size): Section {
  const last = changes.at(-1)?.save;
  if (last === undefined) return { heading: [], lines: [], keep: 'last' };
  const lines = changes.filter(({ save }) => save === last).flatMap(timed);
  return {
    heading: ['', painted(`CHANGED IN THE CLUSTER with save ${last}`, BOLD, size)],
    lines: lines.map((line) => cut(line, size)),
    keep: 'last',
  };
}

function timed(change: SavedChange): readonly string[] {
  const [first = '', ...rest] = changeLines(change);
  return [`  ${change.at} ${first}`, ...rest];
}

/** The longest section gives way first, down to its heading and a line that says how much is left out. */
function fitted(sections: readonly Section[], rows: number): readonly string[] {
  const room = sections.map(({ lines }) => lines.length);
  const headings = sections.reduce((sum, { heading }) => sum + heading.length, 0);
  for (let over = headings + sum(room) - rows; over > 0; over--) {
    const longest = room.indexOf(Math.max(...room));
    if ((room[longest] ?? 0) <= 1) break;
    room[longest] = (room[longest] ?? 0) - 1;
  }
  return sections.flatMap((section, index) => [...section.heading, ...part(section, room[index] ?? 0)]);
}

function part({ lines, keep }: Section, room: number): readonly string[] {
  if (lines.length <= room) return lines;
  const hidden = lines.length - (room - 1);
  if (keep === 'first') return [...lines.slice(0, room - 1), `  … and ${hidden} more lines`];
  return [`  … ${hidden} lines before`, ...lines.slice(hidden)];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function cut(text: string, { columns }: Size): string {
  return text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
}

/** In as many lines as it needs, broken between words where that is possible. */
function wrapped(text: string, { columns }: Size): readonly string[] {
  const width = Math.max(20, columns - 5);
  const lines: string[] = [];
  for (let rest = text.replaceAll('\n', ' '); rest !== ''; ) {
    const space = rest.length <= width ? rest.length : rest.lastIndexOf(' ', width);
    const end = space > width / 2 || rest.length <= width ? space : width;
    lines.push(`${lines.length === 0 ? '  ' : '    '}${rest.slice(0, end)}`);
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

const [BOLD, RED, YELLOW] = [1, 31, 33];

function painted(text: string, code: number | undefined, { colors }: Size): string {
  return colors ? `\x1b[${code}m${text}\x1b[0m` : text;
}
