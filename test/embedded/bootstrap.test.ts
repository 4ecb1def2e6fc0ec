import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary.ts';

const BOOTSTRAP = join(import.meta.dirname, '../../engine/bootstrap.mjs');
const temporary = temporaryFolder();
const ENTRY = { version: '1.0.0', integrity: 'sha512-x' };
const OPTIONAL = { ...ENTRY, optional: true };

/** A clone with the bootstrap, a program to run, and an npm that only writes down how it is called. */
function clone(name: string, installed: Record<string, unknown> | undefined) {
  const root = join(temporary.path, name);
  mkdirSync(join(root, 'engine'), { recursive: true });
  copyFileSync(BOOTSTRAP, join(root, 'engine/bootstrap.mjs'));
  const wanted = { '': {}, 'node_modules/a': ENTRY, 'node_modules/b-for-mac': OPTIONAL };
  temporary.write(`${name}/package-lock.json`, JSON.stringify({ packages: wanted }));
  if (installed !== undefined) {
    temporary.write(`${name}/node_modules/.package-lock.json`, JSON.stringify({ packages: installed }));
  }
  temporary.script(`${name}/bin/npm`, 'echo "npm $*"; [ -z "$NPM_FAILS" ]');
  // The Node that runs the tests, as the pinned one.
  const pinned = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  mkdirSync(dirname(pinned), { recursive: true });
  symlinkSync(process.execPath, pinned);
  return { root, main: (source: string) => temporary.write(`${name}/engine/main.ts`, source) };
}

function environment(root: string, more: Record<string, string> = {}) {
  const { npm_execpath: _, ...inherited } = process.env;
  return { ...inherited, PATH: `${join(root, 'bin')}:${process.env.PATH}`, ...more };
}

function bootstrap(root: string, args: readonly string[], more: Record<string, string> = {}) {
  const env = environment(root, more);
  return spawnSync(process.execPath, [join(root, 'engine/bootstrap.mjs'), ...args], {
    encoding: 'utf8',
    env,
  });
}

test('what is installed is used as it is, and the exit code comes through', () => {
  const { root, main } = clone('fresh', { 'node_modules/a': ENTRY });
  main('const code: number = 7; console.log(process.argv.slice(2).join()); process.exitCode = code;');
  const { status, stdout, stderr } = bootstrap(root, ['up', '--once']);
  expect([status, stdout, stderr]).toEqual([7, 'up,--once\n', '']);
});

test('missing or outdated packages are installed first, with the reason', () => {
  const cases: [string, Record<string, unknown> | undefined, string][] = [
    ['new', undefined, 'first start'],
    ['missing', {}, 'node_modules/a is missing'],
    ['outdated', { 'node_modules/a': { ...ENTRY, version: '0.9.0' } }, 'node_modules/a is 0.9.0, not 1.0.0'],
  ];
  for (const [name, installed, reason] of cases) {
    const { root, main } = clone(name, installed);
    main("console.log('runs');");
    const { stdout, stderr } = bootstrap(root, []);
    expect(stderr).toContain(`installing dependencies (${reason})`);
    expect(stderr).toContain('npm ci ');
    expect(stdout).toBe('runs\n');
  }
});

test('a failed installation ends it with what to do', () => {
  const { root, main } = clone('failing', undefined);
  main("console.log('runs');");
  const { status, stdout, stderr } = bootstrap(root, [], { NPM_FAILS: 'yes' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('npm ci ended with code 1');
});

test('a script is run by npm with its arguments', () => {
  const { root } = clone('script', { 'node_modules/a': ENTRY });
  expect(bootstrap(root, ['--script', 'test:all', '--bail']).stdout).toBe(
    'npm run --silent test:all -- --bail\n',
  );
  expect(bootstrap(root, ['--script']).status).toBe(2);
});

test('a signal reaches the program, which ends in its own way', async () => {
  const { root, main } = clone('signal', { 'node_modules/a': ENTRY });
  const marker = join(root, 'ended');
  main(`
    import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => { writeFileSync(${JSON.stringify(marker)}, ''); process.exit(5); });
    setInterval(() => undefined, 1000);
    console.log('ready');`);
  const child = spawn(process.execPath, [join(root, 'engine/bootstrap.mjs')], {
    env: environment(root),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGTERM');
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect([code, existsSync(marker)]).toEqual([5, true]);
});
