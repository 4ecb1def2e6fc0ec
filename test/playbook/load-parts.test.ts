import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeCycle, orderByDependency } from '../../engine/playbook/dependency-order.ts';
import { followPath } from '../../engine/playbook/schema-path.ts';
import { didYouMean, nearest } from '../../engine/playbook/suggest.ts';
import { builtIn } from './load-builder.ts';

const item = (id: string, before: readonly string[] = [], precedence = 0) => ({ id, before, precedence });

describe('ordering by dependency', () => {
  test('puts what others need first, then lower precedence, then the given order', () => {
    const order = orderByDependency([
      item('web', ['db'], 1),
      item('svc', [], 1),
      item('cm', [], 0),
      item('db', [], 9),
    ]);
    expect([...order.ranks]).toEqual([
      ['cm', 0],
      ['svc', 1],
      ['db', 2],
      ['web', 3],
    ]);
  });

  test('gives one rank to those that may go side by side', () => {
    const order = orderByDependency([item('a', [], 5), item('b', [], 5)]);
    expect([...order.ranks.values()]).toEqual([0, 0]);
  });

  test('shows the cycle alone, not what waits for it', () => {
    const order = orderByDependency([
      item('x', ['a']),
      item('a', ['b']),
      item('b', ['c']),
      item('c', ['a']),
      item('free'),
    ]);
    expect(order.cycle).toEqual(['a', 'b', 'c']);
    expect(describeCycle(order.cycle ?? [])).toBe('a → b → c → a');
    expect(orderByDependency([item('self', ['self'])]).cycle).toEqual(['self']);
  });

  test('ranks everything exactly when there is no cycle, each after what it needs', () => {
    const graph = fc.array(fc.tuple(fc.array(fc.nat(9), { maxLength: 4 }), fc.nat(3)), { maxLength: 10 });
    fc.assert(
      fc.property(graph, (nodes) => {
        const items = nodes.map(([edges, precedence], id) => item(String(id), edges.map(String), precedence));
        const { ranks, cycle } = orderByDependency(items);
        expect(cycle === undefined).toBe(ranks.size === items.length);
        for (const { id, before } of items.filter((each) => ranks.has(each.id))) {
          for (const other of before.filter((each) => Number(each) < items.length)) {
            expect(ranks.get(other)).toBeLessThan(ranks.get(id) ?? -1);
          }
        }
        for (const [index, id] of (cycle ?? []).entries()) {
          const next = cycle?.[(index + 1) % cycle.length] ?? '';
          expect(items.find((each) => each.id === id)?.before).toContain(next);
        }
      }),
    );
  });
});

describe('did you mean', () => {
  test.each([
    ['sise', ['size', 'image'], 'size'],
    ['Size', ['size'], 'size'],
    ['iamge', ['size', 'image'], 'image'],
    ['xyz', ['size', 'image'], undefined],
    ['a', [], undefined],
  ])('%s among %j: %s', (word, names, expected) => {
    expect(nearest(word, names)).toBe(expected);
  });

  test('lists what there is when nothing is near and the list is short', () => {
    expect(didYouMean('xyz', ['size', 'image'], 'spec.')).toBe('there are spec.size, spec.image');
    expect(
      didYouMean(
        'xyz',
        Array.from({ length: 13 }, (_, i) => `name${i}`),
      ),
    ).toBeUndefined();
  });
});

describe('a path through a schema', () => {
  const deployment = builtIn({ group: 'apps', version: 'v1', kind: 'Deployment' });
  const service = builtIn({ group: '', version: 'v1', kind: 'Service' });
  const config = builtIn({ group: '', version: 'v1', kind: 'ConfigMap' });

  test('ends at a schema', () => {
    expect(followPath(deployment, ['spec', 'replicas'], 'map')).toMatchObject({
      kind: 'possible',
      schema: { type: 'integer' },
    });
  });

  test('fails at the first name that can not be there', () => {
    expect(followPath(deployment, ['spec', 'replica', 'x'], 'map')).toMatchObject({
      kind: 'impossible',
      step: 1,
      within: 'object',
    });
    expect(followPath(deployment, ['spec', 'replicas', 'x'], 'map')).toMatchObject({
      kind: 'impossible',
      step: 2,
      within: 'scalar',
    });
  });

  test('goes into the values of maps, labels among them', () => {
    expect(followPath(config, ['data', 'any'], 'index').kind).toBe('possible');
    expect(followPath(config, ['metadata', 'labels', 'any.example.com/x'], 'index').kind).toBe('possible');
  });

  test('goes through the items of a list in JSONata, by position alone in a template', () => {
    expect(followPath(service, ['spec', 'ports', 'port'], 'map').kind).toBe('possible');
    expect(followPath(service, ['spec', 'ports', 'prot'], 'map').kind).toBe('impossible');
    expect(followPath(service, ['spec', 'ports', 'port'], 'index')).toMatchObject({ within: 'list' });
    expect(followPath(service, ['spec', 'ports', '0', 'port'], 'index').kind).toBe('possible');
    expect(followPath(service, ['spec', 'ports', 'length'], 'index').kind).toBe('possible');
  });

  test('says nothing where the schema says nothing', () => {
    expect(followPath(undefined, ['a', 'b'], 'map')).toEqual({ kind: 'possible', schema: undefined });
  });
});
