/** The layer of libraries: of node_modules what package-lock.json says the engine runs on, and of that what Node.js loads. */
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join, relative, sep } from 'node:path';

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  /** Needed by the project's own tools alone. */
  readonly dev?: boolean;
  /** Node.js itself, which stands elsewhere, and what a library does without. */
  readonly optional?: boolean;
}

/** What Node.js loads, and under which terms it may be handed on. */
const LOADED = new Set(['.js', '.cjs', '.mjs', '.json', '.node', '.wasm']);
const TERMS = /^(licen[cs]e|copying|notice)/i;
const TESTS = new Set([
  'test',
  'tests',
  '__tests__',
  'bench',
  'benchmark',
  'benchmarks',
  'example',
  'examples',
]);

/** Throws where node_modules is not as package-lock.json says. */
export function copyModules(root: string, target: string): void {
  const wanted = Object.entries(readPackages(join(root, 'package-lock.json')));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  for (const [path, entry] of wanted) {
    if (path === '' || entry.dev === true || entry.optional === true) continue;
    if (installed[path]?.integrity !== entry.integrity || !existsSync(join(root, path)))
      throw new Error(`${path} is not installed as package-lock.json says: run npm ci`);
    copyPackage(join(root, path), join(target, path));
  }
}

function readPackages(file: string): Readonly<Record<string, LockEntry>> {
  const { packages }: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(file, 'utf8'));
  return packages;
}

/** Without the packages inside it: they have entries of their own. */
function copyPackage(source: string, target: string): void {
  cpSync(source, target, {
    recursive: true,
    dereference: true,
    filter(file) {
      const [first = '', ...rest] = relative(source, file).split(sep);
      if (first === 'node_modules' || TESTS.has(first)) return false;
      const name = rest.at(-1) ?? first;
      return statSync(file).isDirectory() || LOADED.has(extname(name)) || TERMS.test(basename(name));
    },
  });
}
