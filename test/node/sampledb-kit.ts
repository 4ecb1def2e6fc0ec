/** SampleDBs for the tests, and what is asked of their data. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, vi } from 'vitest';
import { describeOperator, eventually, read, type Site } from './engine-kit.ts';
import { apply, execIn, kubectl, waitFor } from './harness.ts';
import { shell } from './pods.ts';

export const API_VERSION = 'databases.libretto.dev/v1alpha1';
export const SHOP = { apiVersion: API_VERSION, kind: 'SampleDB', name: 'shop' } as const;

/** For a machine that has much else to do: each of these tests is many steps. */
export const PATIENT = { testTimeout: 500_000, hookTimeout: 300_000 };

/** `describeOperator` for SampleDB. What a test leaves is removed while the engine can still let go of it. */
export function describeSampleDB(name: string, body: (site: Site) => void): void {
  describeOperator(name, ['sampledb'], (site) => {
    vi.setConfig(PATIENT);
    afterAll(() => removeSampleDBs(site.namespace));
    body(site);
  });
}

/** Without the snapshots that deletion takes. */
export async function removeSampleDBs(namespace: string): Promise<void> {
  const all = ['sampledbs', '--all', '-n', namespace];
  await kubectl(['annotate', ...all, 'libretto.dev/skip-final-actions=true', '--overwrite']);
  await kubectl(['delete', ...all, '--timeout=200s']);
}

export interface SampleDBObject {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
    }[];
    readonly version: string;
    readonly image: string;
    readonly lastBackup: string;
    readonly snapshots: readonly string[];
  };
}

export interface Migration {
  readonly version: string;
  readonly sql: string;
  readonly undo?: string;
  readonly from?: string;
}

const MIGRATIONS: readonly Migration[] = [
  {
    version: '1.1',
    sql: 'alter table orders add column paid boolean not null default false',
    undo: 'alter table orders drop column paid',
  },
  { version: '1.2', sql: "create index on orders (item); -- it's quick" },
];

interface Wishes {
  readonly version: string;
  readonly user?: string;
  readonly extensions?: readonly string[];
  readonly images?: Readonly<Record<string, string>>;
  readonly migrations?: readonly Migration[];
  readonly from?: { readonly snapshot: string; readonly claim?: string };
  readonly schedule?: string;
  readonly retention?: number;
  readonly backupStorage?: { readonly size: string; readonly className?: string };
  readonly parameters?: Readonly<Record<string, string>>;
  readonly tls?: { readonly secretName: string };
}

/** On the test image, whose two tags stand for two images. */
export function sampleDB(name: string, wishes: Wishes): object {
  const { images = {}, migrations = MIGRATIONS, schedule, retention = 50, backupStorage, ...rest } = wishes;
  const backup = {
    retention,
    ...(schedule === undefined ? {} : { schedule }),
    ...(backupStorage === undefined ? {} : { storage: backupStorage }),
  };
  const spec = {
    image: 'databases:2',
    images: { '1.0': 'databases:1', ...images },
    database: 'shop',
    user: 'shop',
    migrations,
    backup,
    ...rest,
  };
  return { apiVersion: API_VERSION, kind: 'SampleDB', metadata: { name }, spec };
}

/** Asked in the server's pod, as the application's user. */
export async function sql(namespace: string, name: string, statement: string): Promise<string> {
  const command = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', statement];
  return (await execIn(namespace, `${name}-0`, command)).trim();
}

export async function countOf(namespace: string, name: string): Promise<number> {
  return Number(await sql(namespace, name, 'select count(*) from orders'));
}

export interface Writer {
  /** How many rows were acknowledged. */
  stop(): Promise<number>;
}

/** Inserts row after row until it is stopped; only what was acknowledged counts. */
export function startWriter(namespace: string, name: string): Writer {
  let going = true;
  const written = (async () => {
    let count = 0;
    while (going) {
      try {
        await sql(namespace, name, `insert into orders (item) values ('written meanwhile ${count}')`);
        count += 1;
      } catch {
        // Not acknowledged: it does not count.
      }
      await pause(100);
    }
    return count;
  })();
  return {
    stop() {
      going = false;
      return written;
    },
  };
}

/** What a condition says, once it holds (or, with `False`, does not). */
export async function says(namespace: string, name: string, type: string, status = 'True'): Promise<string> {
  return eventually(`${type}=${status} of ${name}`, async () => {
    const { status: found } = await read<SampleDBObject>(namespace, `sampledb/${name}`);
    return found.conditions.find((condition) => condition.type === type && condition.status === status)
      ?.message;
  });
}

export interface SnapshotEntry {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
}

/** What the index on a backup claim says, oldest first; read by a pod of its own. */
export async function snapshotsIn(namespace: string, claimName: string): Promise<readonly SnapshotEntry[]> {
  await apply(namespace, shell('reader', { claimName }));
  await waitFor(namespace, 'pod/reader', 'condition=Ready');
  const text = await execIn(namespace, 'reader', ['cat', '/data/index.jsonl']);
  await kubectl(['delete', 'pod', 'reader', '-n', namespace]);
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)); // as written by backup.sh
}
