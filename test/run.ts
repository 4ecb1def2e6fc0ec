/**
 * `npm test`: every check and suite of the project, one after another, each also a script of its own in package.json.
 * Goes on after a failure, so that one run shows all; ends with a line `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
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

const reports = mkdtempSync(join(tmpdir(), 'libretto-test-'));
const failures: string[] = [];
let total: Count = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) {
  const count = await runStep(step);
  if (count.failed > 0) failures.push(step.script);
  total = add(total, count);
}
rmSync(reports, { recursive: true, force: true });
if (failures.length > 0) console.log(`\nfailed: ${failures.join(', ')}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runStep(step: Step): Promise<Count> {
  console.log(`\n▶ npm run ${step.script}`);
  const report = join(reports, `${step.script.replace(':', '-')}.json`);
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

function countTests(file: string): Count {
  const report: { numPassedTests: number; numFailedTests: number; numPendingTests: number } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
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
