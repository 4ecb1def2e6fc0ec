/** What `libretto test` tells: lines as the cases run, or one JSON document at the end. */
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.ts';
import type { CaseResult } from '../reconcile/case/model.ts';
import type { Terminal } from './terminal.ts';
import type { DescribedCoverage } from './test-coverage.ts';

/** One playbook folder; files are named as seen from where the command runs. */
export interface FolderReport {
  readonly playbook: string;
  readonly folder: string;
  readonly cases: readonly CaseReport[];
  /** For each file that can't be read (or for the playbook as a whole) what is wrong with it: as bad as a case that fails. */
  readonly refused: readonly (readonly Diagnostic[])[];
  readonly coverage?: DescribedCoverage;
}

export interface CaseReport extends CaseResult {
  /** Of running it; loading is not counted. */
  readonly milliseconds: number;
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly milliseconds: number;
}

export function summaryOf(reports: readonly FolderReport[]): Summary {
  const cases = reports.flatMap((report) => report.cases);
  const passed = cases.filter(({ kind }) => kind === 'passed').length;
  const refused = reports.reduce((sum, report) => sum + report.refused.length, 0);
  const milliseconds = cases.reduce((sum, each) => sum + each.milliseconds, 0);
  return { passed, failed: cases.length - passed + refused, milliseconds };
}

/** Called as things come to light. */
export interface Telling {
  note(text: string): void;
  problems(problems: readonly Diagnostic[]): void;
  done(playbook: string, report: CaseReport): void;
  coverage(described: DescribedCoverage): void;
  end(reports: readonly FolderReport[], summary: Summary): void;
}

export function tellText({ out, err, colors }: Terminal): Telling {
  const paint = (code: number, word: string): string => (colors ? `\u001b[${code}m${word}\u001b[0m` : word);
  const problems = (found: readonly Diagnostic[]): void => {
    for (const problem of found) err(`${formatDiagnostic(problem)}\n`);
  };
  return {
    note: err,
    problems,
    done(playbook, report) {
      problems(report.problems);
      out(
        `${report.kind === 'passed' ? paint(32, 'ok  ') : paint(31, 'FAIL')} ${playbook}: ${report.name}\n`,
      );
    },
    coverage: ({ text }) => out(text),
    end(reports, { passed, failed, milliseconds }) {
      const ran = reports.reduce((sum, { cases }) => sum + cases.length, 0);
      out(`${passed} passed, ${failed} failed${ran === 0 ? '' : ` (${rate(ran, milliseconds)})`}\n`);
    },
  };
}

function rate(cases: number, milliseconds: number): string {
  const each = (1000 * cases) / Math.max(milliseconds, 0.001);
  const shown = each < 10 ? each.toPrecision(2) : Math.round(each).toLocaleString('en');
  return `in ${milliseconds.toFixed(0)} ms, ${shown} cases a second`;
}

/** For whoever takes the report alone. */
export function tellNothing(): Telling {
  const silent = (): void => {};
  return { note: silent, problems: silent, done: silent, coverage: silent, end: silent };
}

export function tellJson({ out, err }: Terminal): Telling {
  return {
    ...tellNothing(),
    note: err,
    end(reports, summary) {
      const document = {
        summary: { ...summary, milliseconds: rounded(summary) },
        playbooks: reports.map(asJson),
      };
      out(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}

function asJson({ playbook, folder, refused, cases, coverage }: FolderReport): object {
  const { text: _text, ...covered } = coverage ?? {};
  return {
    playbook,
    folder,
    problems: refused.flat(),
    cases: cases.map((each) => ({
      name: each.name,
      file: each.file,
      passed: each.kind === 'passed',
      milliseconds: rounded(each),
      problems: each.problems,
      steps: each.steps.map((step) => ({
        name: step.name,
        ...step.place,
        result: step.result,
        milliseconds: rounded(step),
      })),
    })),
    ...(coverage === undefined ? {} : { coverage: covered }),
  };
}

function rounded({ milliseconds }: { readonly milliseconds: number }): number {
  return Math.round(1000 * milliseconds) / 1000;
}
