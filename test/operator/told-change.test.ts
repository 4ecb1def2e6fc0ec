import { describe, expect, it } from 'vitest';
import type { Sent } from '../../engine/controller/send.ts';
import { followChanges, type ToldChange } from '../../engine/operator/told-change.ts';
import type { Playbook } from '../../engine/playbook/model.ts';
import { planReconcile } from '../../engine/reconcile/plan.ts';
import { app, configMap, World, watchOf } from '../reconcile/kit.ts';

const WATCH = watchOf('manifests: [a.yaml.hbs]', { 'a.yaml.hbs': configMap('a', 'color: "{{spec.color}}"') });
const PLAYBOOK: Playbook = {
  name: 'app',
  version: '1',
  contentHash: 'hash',
  requires: { kinds: [] },
  watches: [WATCH],
  crds: [],
};

/** A resource whose color was changed: what is told where the change ends so. */
async function toldOf(sent: Sent): Promise<readonly ToldChange[]> {
  const world = new World(app({ color: 'red' }));
  await world.settle(WATCH);
  world.resource = { ...world.resource, spec: { color: 'blue' } };
  const told: ToldChange[] = [];
  const { decide, onChange } = followChanges(planReconcile, {
    playbook: PLAYBOOK,
    tell: (change) => told.push(change),
  });
  const plan = await decide(WATCH, world.snapshot());
  expect(plan.changes).toHaveLength(1);
  // The cache may show the write before its answer is told.
  world.carryOut(plan);
  for (const change of plan.changes) onChange(world.resource, change, sent);
  return told;
}

describe('what is told of a change', () => {
  it('is each field as it was and as it is, of whichever playbook and resource', async () => {
    expect(await toldOf({ kind: 'done', result: 'configured', live: undefined })).toEqual([
      {
        playbook: PLAYBOOK,
        resource: { group: 'example.com', version: 'v1', kind: 'App', namespace: 'shop', name: 'web' },
        child: expect.objectContaining({
          effect: 'change',
          kind: 'ConfigMap',
          name: 'a',
          fields: [{ path: 'data.color', before: 'red', after: 'blue' }],
        }),
        refusal: undefined,
      },
    ]);
  });

  it('is why, where it was refused for good', async () => {
    const failure = { kind: 'forbidden', message: 'no right' } as const;
    expect(await toldOf({ kind: 'refused', failure })).toMatchObject([{ refusal: 'no right' }]);
  });

  it('is nothing where nothing changed, or it will be tried again', async () => {
    expect(await toldOf({ kind: 'done', result: 'unchanged', live: undefined })).toEqual([]);
    expect(await toldOf({ kind: 'transient', error: new Error('away'), uncertain: false })).toEqual([]);
  });
});
