/** `libretto test`: runs the golden cases of playbook folders, without a cluster. */
import { relative } from 'node:path';
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.ts';
import { readCases } from '../reconcile/case/read.ts';
import { runCase } from '../reconcile/case/run.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { type LoadedFolder, loadFolders, ownSchemas } from './load-folders.ts';
import type { Terminal } from './terminal.ts';

interface Tally {
  passed: number;
  failed: number;
}

export const testCommand = defineCommand({
  name: 'test',
  summary: 'run the golden cases of playbooks',
  usage: 'libretto test FOLDER...',
  description: `Runs every *.case.yaml of the given playbook folders: given a resource and what happens to it, the children,
conditions, status and Events are compared with what the case expects. No cluster is needed.`,
  flags: {},
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto test playbooks/memcached', 'libretto test playbooks/*'],
  async execute(_flags, { args, terminal }): Promise<ExitCode> {
    const tally: Tally = { passed: 0, failed: 0 };
    for (const folder of await loadFolders(args)) await testFolder(folder, tally, terminal);
    terminal.out(`${tally.passed} passed, ${tally.failed} failed\n`);
    return tally.failed > 0 ? 1 : 0;
  },
});

async function testFolder(folder: LoadedFolder, tally: Tally, terminal: Terminal): Promise<void> {
  const { result, files, path } = folder;
  const report = (problems: readonly Diagnostic[]): void => {
    tally.failed += 1;
    for (const problem of problems) terminal.err(`${relative('.', path)}/${formatDiagnostic(problem)}\n`);
  };
  if (result.kind === 'refused') return report(result.problems);
  const schema = ownSchemas(result.playbook);
  for (const [file, text] of files) {
    if (!file.endsWith('.case.yaml')) continue;
    const reading = readCases(file, text, schema);
    if (reading.kind === 'refused') {
      report(reading.problems);
      continue;
    }
    for (const each of reading.cases) {
      const outcome = await runCase(each, result.playbook, schema);
      if (outcome.kind === 'failed') report(outcome.problems);
      else tally.passed += 1;
      terminal.out(`${outcome.kind === 'passed' ? 'ok  ' : 'FAIL'} ${result.playbook.name}: ${each.name}\n`);
    }
  }
}
