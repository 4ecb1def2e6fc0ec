/** What an empty control plane needs before it is of use: a storage class, and nodes that KWOK plays. */
import { EngineError } from '../base/errors.ts';
import type { AdminClient } from './admin-client.ts';
import { KWOK_ANNOTATION } from './components.ts';

const CREATED = 201;
const CONFLICT = 409;

/** A default StorageClass, so that claims bind: the controller manager's own host path provisioner. */
export function createStorageClass(client: AdminClient): Promise<void> {
  return create(client, '/apis/storage.k8s.io/v1/storageclasses', {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/host-path',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  });
}

export async function createKwokNodes(client: AdminClient, count: number): Promise<void> {
  for (let index = 0; index < count; index++)
    await create(client, '/api/v1/nodes', kwokNode(nodeName(index)));
}

export async function nodesAreReady(client: AdminClient, count: number): Promise<boolean> {
  for (let index = 0; index < count; index++) {
    const answer = await client.send('GET', `/api/v1/nodes/${nodeName(index)}`);
    if (answer.status !== 200 || !hasReadyCondition(JSON.parse(answer.text))) return false;
  }
  return true;
}

/**
 * The folders in which the controller manager's provisioner keeps volumes. They lie outside the data folder, at a place that
 * is fixed there (pkg/volume/hostpath), so that they would outlive a temporary cluster.
 */
export async function hostPathVolumes(client: AdminClient): Promise<string[]> {
  const answer = await client.send('GET', '/api/v1/persistentvolumes');
  if (answer.status !== 200) return [];
  const list: { items?: { spec?: { hostPath?: { path?: string } } }[] } = JSON.parse(answer.text);
  const paths = (list.items ?? []).map((volume) => volume.spec?.hostPath?.path ?? '');
  return paths.filter((path) => /^\/tmp\/hostpath_pv\/[0-9a-f-]+$/.test(path));
}

function nodeName(index: number): string {
  return `kwok-${index}`;
}

function kwokNode(name: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { [KWOK_ANNOTATION]: 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        type: 'kwok',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node-role.kubernetes.io/agent': '',
      },
    },
  };
}

async function create(client: AdminClient, path: string, object: unknown): Promise<void> {
  const answer = await client.send('POST', path, object);
  if (answer.status === CREATED || answer.status === CONFLICT) return;
  throw new EngineError('ControlPlaneRefused', `POST ${path} was answered ${answer.status}: ${answer.text}`);
}

function hasReadyCondition(node: {
  status?: { conditions?: { type?: string; status?: string }[] };
}): boolean {
  return (node.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
}
