/**
 * The first thing that runs after a clone: plain JavaScript for any Node from 18 on, no dependency. Makes sure that
 * node_modules holds what package-lock.json says, then hands over to the Node that is pinned there.
 *
 *     node engine/bootstrap.mjs ARGUMENTS…           runs engine/main.ts with ARGUMENTS
 *     node engine/bootstrap.mjs --script NAME ARG…   runs the script NAME of package.json
 *
 * Signals, standard streams and the exit code are those of the program that it hands over to.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, 'node_modules');
/** Not node_modules/.bin/node: npm 10 makes no such link. */
const PINNED = join(MODULES, `node-${process.platform}-${process.arch}`, 'bin', 'node');

const stale = whyStale();
if (stale !== undefined) await install(stale);
await handOver(process.argv.slice(2));

/** Why node_modules must be installed, or undefined where it is as package-lock.json says. */
function whyStale() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'));
  const installed = readPackages(join(MODULES, '.package-lock.json'));
  if (wanted === undefined) return undefined; // Not a clone: whoever packed it brought its modules along.
  if (installed === undefined) return 'first start';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const has = installed[path];
    if (has === undefined && !mayBeAbsent(entry)) return `${path} is missing`;
    if (has !== undefined && (has.version !== entry.version || has.integrity !== entry.integrity)) {
      return `${path} is ${has.version}, not ${entry.version}`;
    }
  }
  return undefined;
}

/** Optional packages are left out for other systems, or by the user's choice. */
function mayBeAbsent(entry) {
  return entry.optional === true || entry.devOptional === true || entry.link === true;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function install(reason) {
  const began = Date.now();
  console.error(`libretto: installing dependencies (${reason}) …`);
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const code = await (npm?.endsWith('.js') === true
    ? run(process.execPath, [npm, ...args])
    : run('npm', args));
  if (code !== 0) {
    fail(
      `npm ci ended with code ${code}; its messages stand above. Run it by hand in ${ROOT} once the cause is gone.`,
      code,
    );
  }
  console.error(`libretto: dependencies installed in ${Math.round((Date.now() - began) / 1000)} s`);
}

/** The pinned Node where it runs here; else the one that runs this, if it is new enough. */
function chooseNode() {
  if (isExecutable(PINNED) && spawnSync(PINNED, ['--version'], { stdio: 'ignore' }).status === 0)
    return PINNED;
  if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) return process.execPath;
  return fail(
    `Node ${NEEDED_MAJOR} is needed, and this is ${process.version}. ` +
      `The pinned one (${PINNED}) is absent or does not run on ${process.platform}-${process.arch}: ` +
      `it comes with npm's optional dependencies for Linux on x64 and arm64 with glibc. ` +
      `Run "npm ci --include=optional", or install Node ${NEEDED_MAJOR} or later (https://nodejs.org).`,
    1,
  );
}

async function handOver(args) {
  const node = chooseNode();
  const path = [dirname(node), join(MODULES, '.bin'), process.env.PATH ?? ''].join(delimiter);
  const env = { ...process.env, PATH: path };
  const [first, name, ...rest] = args;
  if (first === '--script') {
    if (name === undefined) fail('--script needs the name of a script in package.json', 2);
    await become('npm', ['run', '--silent', name, '--', ...rest], env);
  } else {
    await become(node, [join(ROOT, 'engine', 'main.ts'), ...args], env);
  }
}

/** Ends as the child ends: with its code, or by its signal. */
async function become(program, args, env) {
  const cwd = program === 'npm' ? ROOT : process.cwd();
  const child = spawn(program, args, { stdio: 'inherit', env, cwd });
  const forward = (signal) => child.kill(signal);
  // A Ctrl-C on a terminal reaches the child by itself; sent on, it would count twice.
  const onTerminal = process.stdin.isTTY === true || process.stderr.isTTY === true;
  process.on('SIGINT', onTerminal ? () => undefined : forward);
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  child.on('error', (error) => fail(`${program} can't be started: ${error.message}`, 1));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 2, 'inherit'], cwd: ROOT });
    child.on('error', (error) => fail(`${program} can't be started: ${error.message}`, 1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns {never} */
function fail(message, code) {
  console.error(`libretto: ${message}`);
  process.exit(code);
}
