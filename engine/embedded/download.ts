/**
 * Fetches the makers' own builds. A file counts only when its SHA-256 is the one that its maker publishes for it; whatever
 * goes wrong, the program is simply not had this way, and the reason is told.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../base/clock.ts';
import type { Environment } from '../base/environment.ts';
import { errorMessage } from '../base/errors.ts';
import type { Download, Program } from './catalog.ts';
import { runCommand } from './command.ts';
import { cachedPath, cacheFolder } from './locate.ts';
import type { Progress } from './progress.ts';

export interface DownloadOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  /** As Go names it: `linux-amd64`. */
  readonly system: string;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A host that gives no answer in this time is taken for unreachable. */
const CONNECT_MS = 5_000;

/** Fills the cache with those of `programs` that can be had; the others are left to the build. */
export async function downloadPrograms(
  programs: readonly Program[],
  options: DownloadOptions,
): Promise<void> {
  if (options.environment.LIBRETTO_DOWNLOADS === 'off') return;
  const unreachable = new Set<string>();
  for (const program of programs) {
    const { download } = program;
    if (download === undefined || !download.systems.includes(options.system)) continue;
    const host = new URL(fill(download.url, options.system)).host;
    if (!unreachable.has(host) && !(await downloadOne(program, download, options))) unreachable.add(host);
  }
}

async function downloadOne(program: Program, download: Download, options: DownloadOptions): Promise<boolean> {
  const { clock, progress, environment } = options;
  const began = clock.monotonic();
  const tell = (state: 'started' | 'done', detail?: string): void =>
    progress?.({
      step: `downloading ${program.name} ${program.version}`,
      state,
      elapsedMs: clock.monotonic() - began,
      ...(detail === undefined ? {} : { detail }),
    });
  tell('started');
  const folder = await mkdtemp(join(cacheFolder(environment), 'downloading-'));
  try {
    const file = await fetchVerified(download, folder, options);
    await chmod(file, 0o755);
    const target = cachedPath(environment, program);
    await mkdir(dirname(target), { recursive: true });
    await rename(file, target);
    tell('done');
    return true;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    tell('done', `not had this way: ${causeOf(error)}`);
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The program's path in `folder`. */
async function fetchVerified(download: Download, folder: string, options: DownloadOptions): Promise<string> {
  const url = fill(download.url, options.system);
  const checksums = await (await get(fill(download.checksumUrl, options.system), options)).text();
  const expected = checksumOf(checksums, basename(new URL(url).pathname));
  if (expected === undefined) throw new Error(`its maker publishes no checksum for ${url}`);
  const file = join(folder, 'file');
  const { body } = await get(url, options);
  if (body === null) throw new Error(`${url} is empty`);
  await pipeline(Readable.fromWeb(body), createWriteStream(file));
  const found = await fileHash(file);
  if (found !== expected) throw new Error(`the SHA-256 of ${url} is ${found}, and should be ${expected}`);
  return download.member === undefined
    ? file
    : unpack(file, folder, fill(download.member, options.system), options);
}

async function unpack(
  archive: string,
  folder: string,
  member: string,
  options: DownloadOptions,
): Promise<string> {
  const args = ['-xzf', archive, '-C', folder, member];
  const { code, output } = await runCommand({ program: 'tar', args, environment: options.environment });
  if (code !== 0) throw new Error(`tar: ${output.trim()}`);
  return join(folder, member);
}

/** The time counts until the headers are there; the body may take as long as it needs. */
async function get(url: string, { clock, signal }: DownloadOptions): Promise<Response> {
  const silence = new AbortController();
  const timer = clock.after(CONNECT_MS, () =>
    silence.abort(new Error(`no answer from ${url} in ${CONNECT_MS} ms`)),
  );
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any(signal ? [silence.signal, signal] : [silence.signal]),
    });
    if (!response.ok) throw new Error(`${url} was answered ${response.status}`);
    return response;
  } finally {
    timer.cancel();
  }
}

/** Of a lone checksum that one; of `HASH  NAME` lines the one with this name. */
function checksumOf(text: string, name: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, hash, owner] = /^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$/.exec(line) ?? [];
    if (hash !== undefined && (owner === undefined || owner === name)) return hash;
  }
  return undefined;
}

async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part);
  return hash.digest('hex');
}

function fill(template: string, system: string): string {
  const [os = '', arch = ''] = system.split('-');
  return template.replaceAll('{system}', system).replaceAll('{os}', os).replaceAll('{arch}', arch);
}

/** fetch says only "fetch failed"; why stands in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? errorMessage(error) : errorMessage(cause);
}
