/**
 * The storage of a node: a default StorageClass whose claims get folders on the node's disk, and one whose volumes are as
 * small as they say, in memory, so that they can be full. As on the disks of clouds, a volume's root belongs to root, has a
 * `lost+found`, and is given to a pod's group by `fsGroup`; with its claim its data is deleted.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import type { AdminClient } from './admin-client.ts';
import type { Machine } from './node-machine.ts';

export interface VolumesOptions {
  readonly client: AdminClient;
  readonly machine: Machine;
  readonly nodeName: string;
  readonly folder: string;
  readonly clock: Clock;
}

export interface Volumes {
  /** Ends the provisioner. */
  stop(): Promise<void>;
}

const PROVISIONER = 'libretto.dev/node';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
/** Folders on disk; of any size. */
const DISK = 'node-disk';
/** In memory; as small as claimed. */
const LIMITED = 'limited';
const PERIOD_MS = 250;

interface Claim {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes?: readonly string[];
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string };
}

interface Volume {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly persistentVolumeReclaimPolicy?: string;
    readonly storageClassName?: string;
    readonly local?: { readonly path: string };
  };
  readonly status?: { readonly phase?: string };
}

/** Makes the classes and serves their claims until it is stopped. */
export async function startVolumes(options: VolumesOptions): Promise<Volumes> {
  await createClasses(options.client);
  await mkdir(options.folder, { recursive: true });
  const ending = new AbortController();
  const served = serve(options, ending.signal);
  return {
    stop: () => {
      ending.abort();
      return served;
    },
  };
}

/** The control plane's own class can't give a volume to a pod's group (hostPath), so it is the default no longer. */
async function createClasses(client: AdminClient): Promise<void> {
  for (const [name, isDefault] of [
    [DISK, 'true'],
    [LIMITED, 'false'],
  ] as const) {
    const answer = await client.send('POST', CLASSES, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name, annotations: { [DEFAULT_CLASS]: isDefault } },
      provisioner: PROVISIONER,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    });
    if (answer.status !== 201 && answer.status !== 409) throw refused(CLASSES, answer.text);
  }
  await client.send('PATCH', `${CLASSES}/standard`, {
    metadata: { annotations: { [DEFAULT_CLASS]: 'false' } },
  });
}

/** The API server may be away for a while, as tests restart it: what could not be done now is done in the next round. */
async function serve(options: VolumesOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await serveOnce(options).catch(() => undefined);
    await pause(options.clock, PERIOD_MS, signal);
  }
}

async function serveOnce(options: VolumesOptions): Promise<void> {
  const claims: readonly Claim[] = await list(options.client, CLAIMS);
  for (const claim of claims.filter(isWaiting)) await provision(options, claim);
  const volumes: readonly Volume[] = await list(options.client, VOLUMES);
  for (const volume of volumes.filter(isOver)) await reclaim(options, volume);
}

function isWaiting({ spec, status }: Claim): boolean {
  const ours = spec.storageClassName === DISK || spec.storageClassName === LIMITED;
  return ours && status?.phase === 'Pending' && (spec.volumeName ?? '') === '';
}

function isOver({ metadata, spec, status }: Volume): boolean {
  const ours = metadata.annotations?.[PROVISIONED_BY] === PROVISIONER;
  return ours && status?.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete';
}

async function provision(options: VolumesOptions, claim: Claim): Promise<void> {
  const name = `pvc-${claim.metadata.uid}`;
  const path = join(options.folder, name);
  if (!existsSync(path)) await makeFolder(options, claim, path);
  const answer = await options.client.send(
    'POST',
    VOLUMES,
    volumeFor(options.nodeName, claim, { name, path }),
  );
  if (answer.status !== 201 && answer.status !== 409) throw refused(VOLUMES, answer.text);
}

async function makeFolder({ machine }: VolumesOptions, claim: Claim, path: string): Promise<void> {
  await mkdir(path, { mode: 0o755 });
  if (claim.spec.storageClassName === LIMITED) {
    const size = `size=${bytesOf(claim.spec.resources?.requests?.storage ?? '1Mi')},mode=755`;
    await machine.run('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', path]);
  }
  await machine.run('mkdir', ['-m', '700', join(path, 'lost+found')]);
}

function volumeFor(nodeName: string, claim: Claim, volume: { name: string; path: string }): unknown {
  const { name, namespace, uid } = claim.metadata;
  const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume.name, annotations: { [PROVISIONED_BY]: PROVISIONER } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Mi' },
      accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: claim.spec.storageClassName,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      local: { path: volume.path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
    },
  };
}

async function reclaim({ client, machine, folder }: VolumesOptions, volume: Volume): Promise<void> {
  const path = join(folder, volume.metadata.name);
  if (volume.spec.local?.path !== path) return;
  if (volume.spec.storageClassName === LIMITED) await machine.run('umount', ['-l', path]).catch(() => '');
  await rm(path, { recursive: true, force: true });
  await client.send('DELETE', `${VOLUMES}/${volume.metadata.name}`);
}

async function list<T>(client: AdminClient, path: string): Promise<readonly T[]> {
  const answer = await client.send('GET', path);
  if (answer.status !== 200) throw refused(path, answer.text);
  const parsed: { readonly items?: readonly T[] } = JSON.parse(answer.text);
  return parsed.items ?? [];
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/** A quantity of storage in bytes, as the API server has accepted it. */
function bytesOf(quantity: string): number {
  const [, digits = '0', unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(quantity) ?? [];
  return Math.ceil(Number(digits) * (UNITS[unit] ?? 1));
}

function refused(path: string, text: string): EngineError {
  return new EngineError('ControlPlaneRefused', `${path}: ${text}`);
}
