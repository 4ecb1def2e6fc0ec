/** Runs a command line in this process, as a script would: no terminal, and what it prints is collected. */
import { runCli } from '../../engine/cli/cli.ts';
import type { Terminal } from '../../engine/cli/terminal.ts';

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function libretto(...argv: readonly string[]): Promise<CommandResult> {
  return librettoWith({}, ...argv);
}

/** With these environment variables alone. */
export function librettoWith(
  environment: Record<string, string>,
  ...argv: readonly string[]
): Promise<CommandResult> {
  return librettoOn({ environment }, ...argv);
}

/** On a terminal of which some parts are given; what `out` and `err` are told is collected all the same. */
export async function librettoOn(
  parts: Partial<Terminal>,
  ...argv: readonly string[]
): Promise<CommandResult> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    interactive: false,
    colors: false,
    columns: 120,
    rows: 40,
    environment: {},
    hostname: 'test',
    ask: async () => '',
    onInterrupt: () => () => undefined,
    ...parts,
    out: (text) => {
      out += text;
      parts.out?.(text);
    },
    err: (text) => {
      err += text;
      parts.err?.(text);
    },
  };
  const code = await runCli(argv, terminal);
  return { code, out, err };
}
