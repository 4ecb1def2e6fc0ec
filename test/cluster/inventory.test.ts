/** What the inventory's ConfigMap holds, to an engine that knows of keepers and to one that does not. */
import { describe, expect, it } from 'vitest';
import { INVENTORY_NAME, openInventory } from '../../engine/controller/inventory.ts';
import { CONFIG_MAP, configMap, connect, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

const BOX = { group: 'example.com', version: 'v1', kind: 'Box' };
const SECRET = { group: '', version: 'v1', kind: 'Secret' };
const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment' };

describe('the inventory', () => {
  it('takes what an older engine stored, and remembers who keeps a kind without a write when nothing changes', async () => {
    const { client } = await connect();
    const namespace = await testNamespace('inventory');
    await client.create(configMap(namespace, INVENTORY_NAME, { 'Box.example.com': 'v1 Secret' }), WRITE);
    const inventory = await openInventory({ client, namespace, fieldManager: 'libretto' });
    expect(inventory.kinds(BOX)).toEqual([SECRET]);
    expect(inventory.keeper(BOX)).toBeUndefined();
    const decorator = { kinds: [DEPLOYMENT], keeper: 'decorator', ownsStatus: false };
    await inventory.add(BOX, decorator);
    expect(inventory.keeper(BOX)).toBe('decorator');
    await inventory.add(BOX, { kinds: [], keeper: 'boxes', ownsStatus: true });
    const ref = { ...CONFIG_MAP, namespace, name: INVENTORY_NAME };
    const stored = await client.get(ref);
    expect(stored?.['data']).toEqual({ 'Box.example.com': 'v1 Secret\napps/v1 Deployment\n# kept by boxes' });
    await inventory.add(BOX, decorator);
    await inventory.add(BOX, { kinds: [SECRET], keeper: 'boxes', ownsStatus: true });
    expect((await client.get(ref))?.metadata.resourceVersion).toBe(stored?.metadata.resourceVersion);
    const again = await openInventory({ client, namespace, fieldManager: 'libretto' });
    expect(again.keeper(BOX)).toBe('boxes');
    await again.remove(BOX, [SECRET, DEPLOYMENT]);
    expect((await client.get(ref))?.['data']).toBeUndefined();
  });
});
