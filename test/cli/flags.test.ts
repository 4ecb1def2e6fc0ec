import { describe, expect, it } from 'vitest';
import { describeFlags, type Flags, parseFlags } from '../../engine/cli/flags.ts';

const FLAGS = {
  context: { type: 'string', value: 'NAME', help: 'a context' },
  level: { type: 'string', value: 'LEVEL', default: 'info', choices: ['info', 'debug'], help: 'how much' },
  port: { type: 'number', value: 'PORT', default: 8080, max: 65_535, help: 'a port' },
  'watch-namespaces': { type: 'list', value: 'NAMES', help: 'where' },
  'install-crds': { type: 'boolean', default: true, help: 'whether' },
} as const satisfies Flags;

function values(argv: readonly string[], environment: Record<string, string> = {}) {
  const parsed = parseFlags(argv, FLAGS, environment);
  if (parsed.kind === 'wrong') throw new Error(parsed.problems.join('\n'));
  return parsed.values;
}

function problems(argv: readonly string[], environment: Record<string, string> = {}): readonly string[] {
  const parsed = parseFlags(argv, FLAGS, environment);
  return parsed.kind === 'wrong' ? parsed.problems : [];
}

describe('flags', () => {
  it('have their defaults', () => {
    expect(values([])).toEqual({
      context: undefined,
      level: 'info',
      port: 8080,
      'watch-namespaces': [],
      'install-crds': true,
    });
  });

  it('are read in each common way of writing', () => {
    expect(
      values(['--context', 'dev', '--port=1', '--watch-namespaces=a,b', '--watch-namespaces', 'c']),
    ).toMatchObject({
      context: 'dev',
      port: 1,
      'watch-namespaces': ['a', 'b', 'c'],
    });
    for (const off of ['--install-crds=false', '--no-install-crds'])
      expect(values([off])['install-crds']).toBe(false);
  });

  it('come from LIBRETTO_ variables where the command line does not name them', () => {
    const environment = {
      LIBRETTO_PORT: '7',
      LIBRETTO_WATCH_NAMESPACES: 'a, b',
      LIBRETTO_INSTALL_CRDS: 'false',
      LIBRETTO_CONTEXT: '',
    };
    expect(values(['--port', '9'], environment)).toMatchObject({
      port: 9,
      'watch-namespaces': ['a', 'b'],
      'install-crds': false,
      context: undefined,
    });
  });

  it('tell everything that is wrong at once', () => {
    const found = problems([
      '--port',
      'many',
      '--level=loud',
      '--instal-crds',
      '--watch_namespaces=a',
      '--context',
    ]);
    expect(found).toContain('--port is a whole number from 0 to 65535, not many');
    expect(found).toContain('--level is one of info, debug, not loud');
    expect(found.join('\n')).toContain(
      'there is no flag --watch_namespaces; did you mean --watch-namespaces?',
    );
    expect(found).toContain('there is no flag --instal-crds; did you mean --install-crds?');
    expect(found).toContain('--context needs a value: NAME');
    expect(found).toHaveLength(5);
  });

  it('are explained with their variable and default', () => {
    expect(describeFlags(FLAGS)).toMatch(/--port PORT +a port \(default 8080\) \[LIBRETTO_PORT\]/);
  });
});
