/** `libretto lint`: every problem of playbook folders, with its place, without a cluster. */
import { type Diagnostic, formatDiagnostic, hasErrors, sortDiagnostics } from '../base/diagnostic.ts';
import type { KubeObject } from '../kube/object.ts';
import { incompatibleWith } from '../playbook/incompatible.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { inFolder, type LoadedFolder, loadFolders, problemsOf } from './load-folders.ts';
import { sarifOf } from './sarif.ts';
import { VERSION } from './version.ts';

export const lintCommand = defineCommand({
  name: 'lint',
  summary: 'check playbooks',
  usage: 'libretto lint FOLDER... [--against OLD_FOLDER] [--output json|sarif]',
  description: `Loads the given playbook folders as the engine would and prints every problem with file, line and column.
Exit code 1 means that there are errors; warnings alone are 0. With --against: also what the kinds make incompatible with
those of an earlier version of the playbook, and what resources that exist would suffer.`,
  flags: {
    against: { type: 'string', value: 'OLD_FOLDER', help: 'an earlier version of the playbooks' },
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'text',
      choices: ['text', 'json', 'sarif'],
      help: 'how to print the problems',
    },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto lint playbooks/memcached'],
  async execute({ output, against }, { args, terminal }): Promise<ExitCode> {
    const old = against === undefined ? [] : await earlierKinds(against);
    const problems = (await loadFolders(args)).flatMap((folder) =>
      sortDiagnostics([...problemsOf(folder), ...changesOf(folder, old)]).map((problem) => ({
        ...problem,
        file: inFolder(folder.path, problem.file),
      })),
    );
    if (output === 'json') terminal.out(`${JSON.stringify(problems, null, 2)}\n`);
    else if (output === 'sarif') terminal.out(`${JSON.stringify(sarifOf(problems, VERSION), null, 2)}\n`);
    else for (const problem of problems) terminal.out(`${formatDiagnostic(problem)}\n`);
    return hasErrors(problems) ? 1 : 0;
  },
});

async function earlierKinds(path: string): Promise<readonly KubeObject[]> {
  return (await loadFolders([path])).flatMap(({ result }) => {
    if (result.kind === 'loaded') return result.playbook.crds;
    const [first] = result.problems;
    throw new UsageError(
      `${path} does not load${first === undefined ? '' : `: ${formatDiagnostic(first)}`}`,
      'name a folder that libretto lint finds no error in',
    );
  });
}

function changesOf({ result, files }: LoadedFolder, old: readonly KubeObject[]): readonly Diagnostic[] {
  if (result.kind === 'refused') return [];
  const before = (name: string) => old.find(({ metadata }) => metadata.name === name);
  return incompatibleWith(before, result.playbook, files).map(({ change: _change, ...problem }) => problem);
}
