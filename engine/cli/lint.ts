/** `libretto lint`: every problem of playbook folders, with its place, without a cluster. */
import { relative } from 'node:path';
import { formatDiagnostic, hasErrors } from '../base/diagnostic.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { loadFolders, problemsOf } from './load-folders.ts';
import { sarifOf } from './sarif.ts';
import { VERSION } from './version.ts';

export const lintCommand = defineCommand({
  name: 'lint',
  summary: 'check playbooks',
  usage: 'libretto lint FOLDER... [--output json|sarif]',
  description: `Loads the given playbook folders as the engine would and prints every problem with file, line and column.
Exit code 1 means that there are errors; warnings alone are 0.`,
  flags: {
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
  async execute({ output }, { args, terminal }): Promise<ExitCode> {
    const problems = (await loadFolders(args)).flatMap((folder) =>
      problemsOf(folder).map((problem) => ({
        ...problem,
        file: `${relative('.', folder.path)}/${problem.file}`,
      })),
    );
    if (output === 'json') terminal.out(`${JSON.stringify(problems, null, 2)}\n`);
    else if (output === 'sarif') terminal.out(`${JSON.stringify(sarifOf(problems, VERSION), null, 2)}\n`);
    else for (const problem of problems) terminal.out(`${formatDiagnostic(problem)}\n`);
    return hasErrors(problems) ? 1 : 0;
  },
});
