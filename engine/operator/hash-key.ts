/**
 * The key of the keyed hashes over Secrets: made once for a cluster, kept in a Secret of the engine's namespace, so
 * that the hash of a Secret's content that stands in an annotation tells nobody what the content is.
 */
import { randomHex } from '../base/random.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { isAlreadyExists } from '../cluster/errors.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { isObject, type KubeObject } from '../kube/object.ts';

export const HASH_KEY_SECRET = 'libretto-hash-key';

/** The key, where there is one. */
export async function readHashKey(client: ClusterClient, namespace: string): Promise<string | undefined> {
  return keyIn(
    await client.get({ group: '', version: 'v1', kind: 'Secret', namespace, name: HASH_KEY_SECRET }),
  );
}

/** Reads the key, or makes it. Two engines that start at once end up with the same one. */
export async function ensureHashKey(client: ClusterClient, namespace: string): Promise<string> {
  const known = await readHashKey(client, namespace);
  if (known !== undefined) return known;
  const key = randomHex(32);
  const metadata = { name: HASH_KEY_SECRET, namespace };
  try {
    await client.create(
      { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', stringData: { key } },
      { fieldManager: FIELD_MANAGER },
    );
    return key;
  } catch (error) {
    const other = isAlreadyExists(error) ? await readHashKey(client, namespace) : undefined;
    if (other === undefined) throw error;
    return other;
  }
}

function keyIn(secret: KubeObject | undefined): string | undefined {
  const data = isObject(secret?.['data']) ? secret['data'] : {};
  return typeof data['key'] === 'string' && data['key'] !== '' ? atob(data['key']) : undefined;
}
