/** `libretto test`: runs the golden cases of playbook folders, without a cluster. */
import { basename, join, relative } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { ownSchemas } from '../operator/own-schemas.ts';
import { Coverage } from '../reconcile/case/coverage.ts';
import type { Case } from '../reconcile/case/model.ts';
import { readCases } from '../reconcile/case/read.ts';
import { type CaseOptions, runCase } from '../reconcile/case/run.ts';
import { Recall } from '../reconcile/recall.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { inFolder, type LoadedFolder, loadFolders } from './load-folders.ts';
import type { Terminal } from './terminal.ts';
import { describeCoverage } from './test-coverage.ts';
import {
  type CaseReport,
  type FolderReport,
  summaryOf,
  type Telling,
  tellJson,
  tellText,
} from './test-report.ts';
import { updateCases } from './test-update.ts';
import { watchPlaybooks } from './test-watch.ts';

export const testCommand = defineCommand({
  name: 'test',
  summary: 'run the golden cases of playbooks',
  usage: 'libretto test FOLDER... [--coverage] [--update] [--watch] [--output json]',
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
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'text',
      choices: ['text', 'json'],
      help: 'json: one document with every case, step and problem',
    },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto test playbooks/memcached', 'libretto test playbooks/* --coverage'],
  async execute(options, { args, terminal }): Promise<ExitCode> {
    // A folder that is none is told at once, also where it is watched.
    const folders = await loadFolders(args);
    if (!options.watch) return await testFolders(folders, options, terminal);
    if (options.output === 'json')
      throw new UsageError('--watch prints texts', 'run it without --watch for --output json');
    terminal.err('watching; end with Ctrl-C\n');
    return await watchPlaybooks(args, (changed) => testFolders(changed, options, terminal), terminal);
  },
});

export interface TestOptions {
  readonly coverage: boolean;
  readonly least: number;
  readonly update: boolean;
  readonly output: string;
}

async function testFolders(
  folders: readonly LoadedFolder[],
  options: TestOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const telling = options.output === 'json' ? tellJson(terminal) : tellText(terminal);
  const reports: FolderReport[] = [];
  for (const folder of folders) reports.push(await testFolder(folder, options, telling));
  const summary = summaryOf(reports);
  telling.end(reports, summary);
  const short = reports.some(({ coverage }) => coverage !== undefined && coverage.percent < options.least);
  return summary.failed > 0 || short ? 1 : 0;
}

/** Runs the cases of one playbook. */
export async function testFolder(
  { result, files, path }: LoadedFolder,
  options: TestOptions,
  telling: Telling,
): Promise<FolderReport> {
  const placed = (problem: Diagnostic): Diagnostic => ({ ...problem, file: inFolder(path, problem.file) });
  const refused: (readonly Diagnostic[])[] = [];
  const refuse = (problems: readonly Diagnostic[]): void => {
    refused.push(problems.map(placed));
    telling.problems(problems.map(placed));
  };
  if (result.kind === 'refused') {
    refuse(result.problems);
    return { playbook: basename(path), folder: relative('.', path) || '.', cases: [], refused };
  }
  const { playbook } = result;
  const schema = ownSchemas(playbook);
  const coverage = options.coverage ? new Coverage(playbook) : undefined;
  const cases: CaseReport[] = [];
  const common = { playbook, schema, recall: new Recall(), ...(coverage === undefined ? {} : { coverage }) };
  for (const [file, source] of files) {
    if (!file.endsWith('.case.yaml')) continue;
    const given = { path: join(path, file), file, text: source, playbook, schema };
    const text = options.update ? await updateCases(given) : source;
    if (text !== source) telling.note(`${inFolder(path, file)} is changed\n`);
    const reading = readCases(file, text, schema);
    if (reading.kind === 'refused') {
      refuse(reading.problems);
      continue;
    }
    for (const each of reading.cases) {
      const report = await timed(each, common);
      const problems = report.problems.map(placed);
      const steps = report.steps.map((step) => ({
        ...step,
        place: { ...step.place, file: inFolder(path, file) },
      }));
      cases.push({ ...report, file: inFolder(path, file), problems, steps });
      telling.done(playbook.name, { ...report, problems });
    }
  }
  if (cases.length === 0 && refused.length === 0)
    telling.note(
      `${relative('.', path) || '.'} has no cases: they stand in files *.case.yaml beside watches.yaml\n`,
    );
  const report = { playbook: playbook.name, folder: relative('.', path) || '.', cases, refused };
  if (coverage === undefined) return report;
  const described = describeCoverage(playbook.name, coverage.items, (text) => inFolder(path, text));
  telling.coverage(described);
  return { ...report, coverage: described };
}

async function timed(each: Case, options: CaseOptions): Promise<CaseReport> {
  const { monotonic } = systemClock();
  const begun = monotonic();
  const result = await runCase(each, { ...options, monotonic });
  return { ...result, milliseconds: monotonic() - begun };
}
