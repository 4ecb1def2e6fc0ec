import { describe, expect, it } from 'vitest';
import { runCli } from '../../engine/cli/cli.ts';
import type { Terminal } from '../../engine/cli/terminal.ts';

async function run(argv: readonly string[], environment: Record<string, string> = {}) {
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
    columns: 80,
    environment,
    hostname: 'test',
    onInterrupt: () => () => {},
  };
  const code = await runCli(argv, terminal);
  return { code, out, err };
}

describe('the command line', () => {
  it('explains itself and each command', async () => {
    expect((await run(['--help'])).out).toContain('run the engine against a cluster');
    const help = await run(['run', '--help']);
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('LIBRETTO_WATCH_NAMESPACES');
    expect((await run(['help', 'up'])).out).toContain('libretto up [--once]');
    expect((await run(['version'])).out).toMatch(/^libretto \d+\.\d+\.\d+\n$/);
  });

  it('answers wrong use with exit code 2, on standard error', async () => {
    for (const argv of [[], ['runn'], ['run', '--port'], ['run', 'extra'], ['version', 'extra']]) {
      const result = await run(argv);
      expect(result).toMatchObject({ code: 2, out: '' });
      expect(result.err).not.toBe('');
    }
  });

  it('never takes the current context by itself outside a pod', async () => {
    const result = await run(['run']);
    expect(result.code).toBe(2);
    expect(result.err).toContain('which cluster?');
    expect(result.err).toContain('--context');
  });

  it('tells which file is no kubeconfig', async () => {
    const result = await run(['run', '--kubeconfig', '/nowhere/config']);
    expect(result.code).toBe(1);
    expect(result.err).toContain('/nowhere/config');
  });
});
