import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { program } from '../../engine/embedded/catalog.ts';
import { downloadPrograms } from '../../engine/embedded/download.ts';
import { cachedPath, cacheFolder } from '../../engine/embedded/locate.ts';
import { findPrograms } from '../../engine/embedded/programs.ts';
import type { ProgressEvent } from '../../engine/embedded/progress.ts';
import { temporaryFolder } from './temporary.ts';

const temporary = temporaryFolder();
const SYSTEM_PATH = '/usr/bin:/bin';

/** An environment with a cache of its own, and with `folder` before the system's programs. */
function environment(name: string, more: Record<string, string> = {}) {
  const path = `${join(temporary.path, name)}:${SYSTEM_PATH}`;
  return {
    LIBRETTO_CACHE: join(temporary.path, name, 'cache'),
    LIBRETTO_DOWNLOADS: 'off',
    PATH: path,
    ...more,
  };
}

describe('a program is looked for', () => {
  test('in KUBEBUILDER_ASSETS before everything else, whatever its version', async () => {
    const named = temporary.script('assets/etcd', 'echo etcd Version: 2.0.0');
    temporary.script('first/etcd', 'echo etcd Version: 3.6.1');
    const assets = join(temporary.path, 'assets');
    const found = await findPrograms(['etcd'], {
      environment: environment('first', { KUBEBUILDER_ASSETS: assets }),
    });
    expect(found.get('etcd')).toBe(named);
  });

  test('in the cache before PATH, since there stands the version that is wanted', async () => {
    const env = environment('second');
    temporary.script('second/etcd', 'echo etcd Version: 3.6.1');
    const name = cachedPath(env, program('etcd')).slice(temporary.path.length + 1);
    const cached = temporary.script(name, '');
    expect((await findPrograms(['etcd'], { environment: env })).get('etcd')).toBe(cached);
  });

  test('on PATH, where its minor version is the wanted one', async () => {
    temporary.script('old/kube-apiserver', 'echo Kubernetes v1.30.2');
    const fitting = temporary.script('new/kube-apiserver', 'echo Kubernetes v1.35.0');
    const env = environment('old');
    const path = `${env.PATH.replace(`:${SYSTEM_PATH}`, '')}:${join(temporary.path, 'new')}:${SYSTEM_PATH}`;
    const found = await findPrograms(['kube-apiserver'], { environment: { ...env, PATH: path } });
    expect(found.get('kube-apiserver')).toBe(fitting);
  });
});

/** Stands in for Go's tool chain: writes down how it was called, and makes the files that it is asked for. */
const GO = `
echo "$PWD $*" >> "$GO_LOG"
[ "$1" = version ] && exit 0
while [ $# -gt 0 ]; do
  case $1 in -o) out=$2; shift ;; k8s.io/*|go.etcd.io/*|sigs.k8s.io/*) packages="$packages $1" ;; esac
  shift
done
for one in $packages; do
  case $out in */) file=$out$(basename "$one") ;; *) file=$out ;; esac
  echo made > "$file"; chmod +x "$file"
done`;

describe('a program that is nowhere', () => {
  test('is built, those of one Go module in one build, and only once for two that need it', async () => {
    temporary.script('building/go', GO);
    const log = join(temporary.path, 'go.log');
    const env = environment('building', { GO_LOG: log });
    const names = ['etcd', 'kube-apiserver', 'kube-scheduler'] as const;
    const [found, again] = await Promise.all([
      findPrograms(names, { environment: env }),
      findPrograms(names, { environment: env }),
    ]);
    expect([...found]).toEqual(names.map((name) => [name, cachedPath(env, program(name))]));
    expect([...again]).toEqual([...found]);
    const builds = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes(' build '));
    expect(builds).toHaveLength(2);
    expect(builds.join('\n')).toMatch(/cmd\/kube-apiserver k8s.io\/kubernetes\/cmd\/kube-scheduler/);
    expect(readdirSync(cacheFolder(env)).filter((name) => !name.includes('-v'))).toEqual([]);
  });

  test('is an error with the end of the output where the build fails', async () => {
    temporary.script('failing/go', '[ "$1" = version ] || { echo no space left; exit 1; }');
    const env = environment('failing');
    await expect(findPrograms(['kwok'], { environment: env })).rejects.toMatchObject({
      code: 'BuildFailed',
      message: expect.stringContaining('no space left'),
    });
    expect(readdirSync(cacheFolder(env))).toEqual([]);
  });

  test('is an error that says what to install where there is no Go', async () => {
    const env = { ...environment('empty'), PATH: join(temporary.path, 'empty') };
    await expect(findPrograms(['kwok', 'etcd'], { environment: env })).rejects.toMatchObject({
      code: 'ProgramsMissing',
      message: expect.stringContaining('kwok, etcd'),
      hint: expect.stringContaining('install Go'),
    });
  });
});

describe('a download', () => {
  const files = new Map<string, string>();
  let server: Server;
  let base = '';
  beforeAll(async () => {
    server = createServer((request, response) => {
      const text = files.get(request.url ?? '');
      response.writeHead(text === undefined ? 404 : 200).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) base = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => server.close());

  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const fetchScheduler = async (name: string, url: string) => {
    const env = { ...environment(name), LIBRETTO_DOWNLOADS: 'on' };
    temporary.write(`${name}/cache/keep`, '');
    const download = { systems: ['linux-amd64'], url, checksumUrl: `${base}/sums`, member: undefined };
    const events: ProgressEvent[] = [];
    const wanted = { ...program('kube-scheduler'), download };
    const progress = (event: ProgressEvent): void => void events.push(event);
    await downloadPrograms([wanted], {
      environment: env,
      clock: systemClock(),
      system: 'linux-amd64',
      progress,
    });
    return { file: cachedPath(env, wanted), events };
  };

  test('is taken when its checksum is the published one', async () => {
    files.set('/linux/amd64/scheduler', 'the program');
    files.set('/sums', `${hash('another')}  other\n${hash('the program')}  scheduler\n`);
    const { file } = await fetchScheduler('good', `${base}/{os}/{arch}/scheduler`);
    expect(readFileSync(file, 'utf8')).toBe('the program');
  });

  test('is refused when its checksum is another, and says so', async () => {
    files.set('/scheduler', 'something else');
    files.set('/sums', hash('the program'));
    const { file, events } = await fetchScheduler('bad', `${base}/scheduler`);
    expect(() => readFileSync(file)).toThrow('ENOENT');
    expect(events.at(-1)?.detail).toContain('the SHA-256 of');
  });

  test('that nobody answers is left to the build', async () => {
    files.delete('/sums');
    const { events } = await fetchScheduler('absent', `${base}/scheduler`);
    expect(events.at(-1)?.detail).toContain('was answered 404');
  });
});
