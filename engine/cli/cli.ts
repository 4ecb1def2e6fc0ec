/** argv → command. Adding a command is adding it to `COMMANDS`. */
import { didYouMean } from '../playbook/suggest.ts';
import type { Command, ExitCode } from './command.ts';
import { createCommand } from './create.ts';
import { devCommand } from './dev.ts';
import { explainCommand } from './explain.ts';
import { installCommand } from './install.ts';
import { lintCommand } from './lint.ts';
import { listCommand } from './list.ts';
import { packageCommand } from './package.ts';
import { planCommand } from './plan.ts';
import { pruneCommand } from './prune.ts';
import { rbacCommand } from './rbac.ts';
import { renderCommand } from './render.ts';
import { rollbackCommand } from './rollback.ts';
import { runCommand } from './run.ts';
import { runActionCommand } from './run-action.ts';
import type { Terminal } from './terminal.ts';
import { testCommand } from './test.ts';
import { uninstallCommand } from './uninstall.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';

const COMMANDS: readonly Command[] = [
  upCommand,
  runCommand,
  runActionCommand,
  createCommand,
  devCommand,
  lintCommand,
  testCommand,
  renderCommand,
  planCommand,
  explainCommand,
  pruneCommand,
  packageCommand,
  installCommand,
  rollbackCommand,
  uninstallCommand,
  listCommand,
  rbacCommand,
  versionCommand,
];

/** Carries out one command line (without node and the script) and tells its exit code. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    terminal.err(overview());
    return 2;
  }
  if (name === 'help' || name === '--help' || name === '-h') return help(rest[0], terminal);
  const command = COMMANDS.find((c) => c.name === (name === '--version' ? 'version' : name));
  if (command === undefined) {
    const hint = didYouMean(
      name,
      COMMANDS.map((c) => c.name),
    );
    terminal.err(
      `libretto: there is no command ${name}\n${hint === undefined ? '' : `  hint: ${hint}\n`}See libretto --help\n`,
    );
    return 2;
  }
  return await command.run(rest, terminal);
}

function help(name: string | undefined, terminal: Terminal): ExitCode {
  const command = COMMANDS.find((c) => c.name === name);
  terminal.out(command?.help ?? overview());
  return 0;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map((c) => c.name.length));
  const commands = COMMANDS.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`).join('\n');
  return `Libretto, a Kubernetes operator whose knowledge is data.\n\nUsage:\n  libretto COMMAND [flags]\n\nCommands:\n${commands}\n\nlibretto COMMAND --help explains a command.\n`;
}
