/** A command of the command line: one thin file each. */
import { EngineError, errorMessage } from '../base/errors.ts';
import { describeFlags, type Flags, type FlagValues, parseFlags } from './flags.ts';
import type { Terminal } from './terminal.ts';

/** 0: done. 1: a problem was found. 2: used in a wrong way. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  run(argv: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

export interface CommandDefinition<T extends Flags> {
  readonly name: string;
  readonly summary: string;
  /** How it is called: `libretto run --context NAME [flags]`. */
  readonly usage: string;
  /** What it does, in a few lines. */
  readonly description: string;
  readonly flags: T;
  /** How many arguments beside flags it takes; default none. */
  readonly args?: { readonly min: number; readonly max: number };
  readonly examples?: readonly string[];
  execute(
    values: FlagValues<T>,
    context: { readonly args: readonly string[]; readonly terminal: Terminal },
  ): Promise<ExitCode>;
}

/** Thrown by a command that was used in a wrong way. */
export class UsageError extends EngineError {
  constructor(message: string, hint?: string) {
    super('WrongUsage', message, hint === undefined ? {} : { hint });
    this.name = 'UsageError';
  }
}

export function defineCommand<T extends Flags>(definition: CommandDefinition<T>): Command {
  const help = helpOf(definition);
  return {
    name: definition.name,
    summary: definition.summary,
    help,
    async run(argv, terminal) {
      if (argv.includes('--help') || argv.includes('-h')) {
        terminal.out(help);
        return 0;
      }
      const parsed = parseFlags(argv, definition.flags, terminal.environment);
      const problems = parsed.kind === 'wrong' ? parsed.problems : argProblems(definition, parsed.args);
      if (parsed.kind === 'wrong' || problems.length > 0) {
        terminal.err(
          `${problems.map((p) => `libretto ${definition.name}: ${p}\n`).join('')}See libretto ${definition.name} --help\n`,
        );
        return 2;
      }
      return await guarded(definition.name, terminal, () =>
        definition.execute(parsed.values, { args: parsed.args, terminal }),
      );
    },
  };
}

function argProblems(definition: CommandDefinition<Flags>, args: readonly string[]): readonly string[] {
  const { min, max } = definition.args ?? { min: 0, max: 0 };
  if (args.length < min) return [`an argument is missing: ${definition.usage}`];
  return args.length > max ? [`${args[max] ?? ''} is one argument too many: ${definition.usage}`] : [];
}

async function guarded(name: string, terminal: Terminal, work: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof EngineError ? ` ${error.code}:` : '';
    const hint = error instanceof EngineError && error.hint !== undefined ? `\n  hint: ${error.hint}` : '';
    terminal.err(`libretto ${name}:${code} ${errorMessage(error)}${hint}\n`);
    if (!(error instanceof EngineError) && error instanceof Error) terminal.err(`${error.stack ?? ''}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function helpOf<T extends Flags>(definition: CommandDefinition<T>): string {
  const examples =
    definition.examples === undefined
      ? ''
      : `\nExamples:\n${definition.examples.map((e) => `  ${e}\n`).join('')}`;
  const flags = describeFlags({
    ...definition.flags,
    help: { type: 'boolean', short: 'h', default: false, help: 'show this' },
  }).replace(/ \[LIBRETTO_HELP\]/, '');
  return `${definition.description.trim()}\n\nUsage:\n  ${definition.usage}\n\nFlags (each also as the variable in brackets):\n${flags}\n${examples}`;
}
