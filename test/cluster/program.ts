/** `libretto` as a program of its own: what it says as it goes, how it ends, and what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFailed, onTestFinished } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  text(): string;
  /** Resolves once the output holds this; fails where the program ends before. */
  says(what: RegExp): Promise<RegExpExecArray>;
}

/** Another user's clusters are none of its business: it must do without any kubeconfig. */
export function program(folder: string, ...argv: readonly string[]): Running {
  const child = spawn(process.execPath, [join(ROOT, 'engine/main.ts'), ...argv], {
    cwd: folder,
    env: { ...process.env, KUBECONFIG: '/nonexistent', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<number | null>((done) => child.on('close', done));
  onTestFailed(() => {
    process.stderr.write(`libretto ${argv.join(' ')} has said:\n${text}\n`);
  });
  onTestFinished(async () => {
    child.kill('SIGINT');
    await ended;
  });
  const says = (what: RegExp): Promise<RegExpExecArray> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const match = what.exec(text);
        if (match === null) return;
        listeners.delete(look);
        found(match);
      };
      listeners.add(look);
      look();
      void ended.then((code) => failed(new Error(`ended with ${code} before ${what}:\n${text}`)));
    });
  return { process: child, ended, says, text: () => text };
}

/** A folder with a copy of the playbook memcached alone, its sample changed. */
export async function memcached(change: (sample: string) => string = (sample) => sample): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'libretto-program-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'memcached');
  await cp(join(ROOT, 'playbooks/memcached'), folder, { recursive: true });
  await edit(join(folder, 'sample.yaml'), change);
  return root;
}

export async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')));
}

/** Processes with this text in their command line. */
export async function processesWith(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text));
}
