/**
 * `npm test`: every check and suite of the project, one after another, each also a script of its own in package.json.
 * Goes on after a failure, so that one run shows all; ends with a line `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Failure {
  readonly script: string;
  /** Each failed test with its file and the beginning of what it said; empty for a check. */
  readonly tests: readonly string[];
}

interface Step {
  readonly script: string;
  /** A suite counts its tests; a check counts as one. */
  readonly kind: 'check' | 'suite';
}

const STEPS: readonly Step[] = [
  { script: 'test:types', kind: 'check' },
  { script: 'test:lint', kind: 'check' },
  { script: 'test:architecture', kind: 'check' },
  { script: 'test:unused', kind: 'check' },
  { script: 'test:cases', kind: 'check' },
  { script: 'test:unit', kind: 'suite' },
  { script: 'test:cluster', kind: 'suite' },
  { script: 'test:node', kind: 'suite' },
];

/** Of what a failed test said. */
const SHOWN_LINES = 20;

const reports = mkdtempSync(join(tmpdir(), 'libretto-test-'));
const failures: Failure[] = [];
let total: Count = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) {
  const count = await runStep(step);
  if (count.failed > 0) failures.push({ script: step.script, tests: failedTests(reportOf(step)) });
  total = add(total, count);
}
rmSync(reports, { recursive: true, force: true });
// At the end, where whoever sees no more than the last page of a long output still reads what failed and why.
for (const { script, tests } of failures) {
  console.log(`\nfailed: ${script}`);
  for (const test of tests) console.log(test);
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runStep(step: Step): Promise<Count> {
  console.log(`\n▶ npm run ${step.script}`);
  const report = reportOf(step);
  const extra =
    step.kind === 'suite'
      ? ['--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
      : [];
  const code = await run('npm', ['run', '--silent', step.script, ...extra]);
  const counted = step.kind === 'suite' && existsSync(report) ? countTests(report) : undefined;
  const count = counted ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  // A suite that fails outside its tests (a crash, an unhandled error) or that knows no test has failed.
  const silent = count.failed === 0 && (code !== 0 || count.passed + count.skipped === 0);
  return silent ? { ...count, failed: 1 } : count;
}

function reportOf(step: Step): string {
  return join(reports, `${step.script.replace(':', '-')}.json`);
}

/** What is read of vitest's JSON report. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function failedTests(report: string): string[] {
  if (!existsSync(report)) return [];
  return readReport(report).testResults.flatMap((file) => {
    const where = relative(process.cwd(), file.name);
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    // A file that fails outside its tests has none that failed.
    if (failed.length === 0) return file.status === 'failed' ? [describe(where, file.message)] : [];
    return failed.map((test) =>
      describe(`${where} > ${test.fullName}`, (test.failureMessages ?? []).join('\n')),
    );
  });
}

function describe(title: string, said: string): string {
  const lines = stripVTControlCharacters(said)
    .split('\n')
    .filter((line) => !line.includes('node_modules'))
    .slice(0, SHOWN_LINES);
  return [`  ${title}`, ...lines.map((line) => `    ${line}`)].join('\n');
}

function countTests(file: string): Count {
  const report = readReport(file);
  return { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests };
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function add(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}
