/** `libretto test`: runs the golden cases of playbook folders, without a cluster. */
import { join, relative } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.ts';
import { Coverage } from '../reconcile/case/coverage.ts';
import { readCases } from '../reconcile/case/read.ts';
import { runCase } from '../reconcile/case/run.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { type LoadedFolder, loadFolders, ownSchemas } from './load-folders.ts';
import type { Terminal } from './terminal.ts';
import { describeCoverage } from './test-coverage.ts';
import { updateCases } from './test-update.ts';
import { watchPlaybooks } from './test-watch.ts';

export const testCommand = defineCommand({
  name: 'test',
  summary: 'run the golden cases of playbooks',
  usage: 'libretto test FOLDER... [--coverage] [--update] [--watch]',
  description: `Runs every *.case.yaml of the given playbook folders: given a resource and what happens to it, the children,
conditions, status, runs of actions and Events are compared with what the case expects. No cluster is needed. --coverage tells
what no case has seen: templates and the sides of their blocks, conditions, actions and their steps.`,
  flags: {
    coverage: { type: 'boolean', default: false, help: 'tell what of the playbooks no case has seen' },
    least: {
      type: 'number',
      value: 'PERCENT',
      default: 0,
      max: 100,
      help: 'with --coverage: less than this fails',
    },
    update: {
      type: 'boolean',
      default: false,
      help: 'change what cases expect to what they come to, then run them; look at the difference',
    },
    watch: { type: 'boolean', default: false, help: 'run the cases again when a file is saved' },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto test playbooks/memcached', 'libretto test playbooks/* --coverage'],
  async execute(options, { args, terminal }): Promise<ExitCode> {
    // A folder that is none is told at once, also where it is watched.
    const folders = await loadFolders(args);
    if (!options.watch) return await testFolders(folders, options, terminal);
    terminal.err('watching; end with Ctrl-C\n');
    return await watchPlaybooks(args, (changed) => testFolders(changed, options, terminal), terminal);
  },
});

export interface TestOptions {
  readonly coverage: boolean;
  readonly least: number;
  readonly update: boolean;
}

interface Tally {
  passed: number;
  failed: number;
  /** Of running the cases alone; loading is not counted. */
  milliseconds: number;
  short: boolean;
}

async function testFolders(
  folders: readonly LoadedFolder[],
  options: TestOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const tally: Tally = { passed: 0, failed: 0, milliseconds: 0, short: false };
  for (const folder of folders) await testFolder(folder, options, { tally, terminal });
  const { passed, failed, milliseconds, short } = tally;
  terminal.out(`${passed} passed, ${failed} failed (${rate(passed + failed, milliseconds)})\n`);
  return failed > 0 || short ? 1 : 0;
}

function rate(cases: number, milliseconds: number): string {
  const each = (1000 * cases) / Math.max(milliseconds, 0.001);
  const shown = each < 10 ? each.toPrecision(2) : Math.round(each).toLocaleString('en');
  return `in ${milliseconds.toFixed(0)} ms, ${shown} cases a second`;
}

interface Telling {
  readonly tally: Tally;
  readonly terminal: Terminal;
}

async function testFolder(
  folder: LoadedFolder,
  options: TestOptions,
  { tally, terminal }: Telling,
): Promise<void> {
  const { result, files, path } = folder;
  const report = (problems: readonly Diagnostic[]): void => {
    tally.failed += 1;
    for (const problem of problems) terminal.err(`${inFolder(path, formatDiagnostic(problem))}\n`);
  };
  if (result.kind === 'refused') return report(result.problems);
  const { playbook } = result;
  const schema = ownSchemas(playbook);
  const coverage = options.coverage ? new Coverage(playbook) : undefined;
  const { monotonic } = systemClock();
  for (const [file, source] of files) {
    if (!file.endsWith('.case.yaml')) continue;
    const given = { path: join(path, file), file, text: source, playbook, schema };
    const text = options.update ? await updateCases(given) : source;
    if (text !== source) terminal.err(`${inFolder(path, file)} is changed\n`);
    const reading = readCases(file, text, schema);
    if (reading.kind === 'refused') {
      report(reading.problems);
      continue;
    }
    for (const each of reading.cases) {
      const begun = monotonic();
      const input = { playbook, schema, ...(coverage === undefined ? {} : { coverage }) };
      const outcome = await runCase(each, input);
      tally.milliseconds += monotonic() - begun;
      if (outcome.kind === 'failed') report(outcome.problems);
      else tally.passed += 1;
      terminal.out(`${outcome.kind === 'passed' ? 'ok  ' : 'FAIL'} ${playbook.name}: ${each.name}\n`);
    }
  }
  if (coverage === undefined) return;
  const described = describeCoverage(playbook.name, coverage.items, (text) => inFolder(path, text));
  terminal.out(described.text);
  if (described.percent < options.least) tally.short = true;
}

function inFolder(path: string, text: string): string {
  const folder = relative('.', path);
  return folder === '' ? text : `${folder}/${text}`;
}
