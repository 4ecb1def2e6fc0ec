import { describe, expect, it } from 'vitest';
import { Claims } from '../../engine/operator/claims.ts';
import { versionFits } from '../../engine/operator/kubernetes-range.ts';
import type { Playbook, Watch } from '../../engine/playbook/model.ts';

function playbook(...kinds: { kind: string; ownsStatus?: boolean }[]): Playbook {
  const watches = kinds.map(({ kind, ownsStatus = true }): Watch => {
    const place = { file: 'watches.yaml', line: 3, column: 1 };
    const gvk = { group: 'example.com', version: 'v1', kind };
    return {
      place,
      gvk,
      unselected: 'Leave',
      ownsStatus,
      vars: [],
      manifests: [],
      observe: [],
      probes: [],
      health: [],
      status: [],
      actions: [],
    };
  });
  return { name: 'p', version: '1', contentHash: '', requires: { kinds: [] }, watches, crds: [] };
}

describe('the claims on kinds', () => {
  it('give a kind to the first and tell the second where and who', () => {
    const claims = new Claims();
    expect(claims.take('a', playbook({ kind: 'Box' }))).toEqual([]);
    const [problem] = claims.take('b', playbook({ kind: 'Box' }));
    expect(problem).toMatchObject({ code: 'KindTaken', file: 'watches.yaml', line: 3 });
    expect(problem?.message).toContain('playbook a');
  });

  it('let any number of playbooks decorate a kind', () => {
    const claims = new Claims();
    claims.take('a', playbook({ kind: 'Box' }));
    expect(claims.take('b', playbook({ kind: 'Box', ownsStatus: false }))).toEqual([]);
  });

  it('take nothing where not all is free', () => {
    const claims = new Claims();
    claims.take('a', playbook({ kind: 'Box' }));
    claims.take('b', playbook({ kind: 'Bag' }, { kind: 'Box' }));
    expect(claims.take('c', playbook({ kind: 'Bag' }))).toEqual([]);
  });

  it('keep what a running version has while a new one is tried, and free the rest after', () => {
    const claims = new Claims();
    claims.take('a', playbook({ kind: 'Box' }));
    claims.take('a', playbook({ kind: 'Bag' }));
    expect(claims.take('b', playbook({ kind: 'Box' }))).toHaveLength(1);
    expect(claims.keepOnly('a', playbook({ kind: 'Bag' }).watches)).toBe(true);
    expect(claims.take('b', playbook({ kind: 'Box' }))).toEqual([]);
    expect(claims.keepOnly('a', playbook({ kind: 'Bag' }).watches)).toBe(false);
  });
});

describe('a range of Kubernetes versions', () => {
  it.each([
    ['v1.35.4', '>=1.28', true],
    ['v1.28.0', '>=1.28', true],
    ['v1.27.9', '>=1.28', false],
    ['v1.35.4+k3s1', '>=1.28 <1.40', true],
    ['v1.40.0', '>=1.28, <1.40', false],
    ['v1.35.4', '1.35.4', true],
    ['v1.35.4', '=1.35', true],
    ['v1.35.4', '<=1.35.3', false],
    ['v1.100.0', '>1.35', true],
    ['v1.35.4', 'latest', undefined],
    ['v1.35.4', '', undefined],
  ])('%s against %s: %s', (version, range, fits) => {
    expect(versionFits(version, range)).toBe(fits);
  });
});
