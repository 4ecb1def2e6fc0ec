import { describe, expect, it } from 'vitest';
import { libretto } from './libretto.ts';

describe('the command line', () => {
  it('explains itself and each command', async () => {
    expect((await libretto('--help')).out).toContain('run the engine against a cluster');
    const help = await libretto('run', '--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('LIBRETTO_WATCH_NAMESPACES');
    expect((await libretto('help', 'up')).out).toContain('libretto up [--once]');
    expect((await libretto('version')).out).toMatch(/^libretto \d+\.\d+\.\d+\n$/);
  });

  it('answers wrong use with exit code 2, on standard error', async () => {
    for (const argv of [[], ['runn'], ['run', '--port'], ['run', 'extra'], ['version', 'extra']]) {
      const result = await libretto(...argv);
      expect(result).toMatchObject({ code: 2, out: '' });
      expect(result.err).not.toBe('');
    }
  });

  it('says in one message what was meant', async () => {
    expect((await libretto('lnt')).err).toBe(
      'libretto: there is no command lnt\n  hint: did you mean lint?\nSee libretto --help\n',
    );
    expect((await libretto('render', 'docs')).err).toContain('docs is a folder, and a file is wanted here');
    expect((await libretto('run', '--context', '')).err).toContain('--context needs a value: NAME');
  });

  it('never takes the current context by itself outside a pod', async () => {
    const result = await libretto('run');
    expect(result.code).toBe(2);
    expect(result.err).toContain('which cluster?');
    expect(result.err).toContain('--context');
  });

  it('tells which file is no kubeconfig', async () => {
    const result = await libretto('run', '--kubeconfig', '/nowhere/config');
    expect(result.code).toBe(1);
    expect(result.err).toContain('/nowhere/config');
  });
});
