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
export async function librettoWith(
  environment: Record<string, string>,
  ...argv: readonly string[]
): Promise<CommandResult> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    interactive: false,
    colors: false,
    columns: 120,
    environment,
    hostname: 'test',
    ask: async () => '',
    onInterrupt: () => () => undefined,
  };
  const code = await runCli(argv, terminal);
  return { code, out, err };
}
