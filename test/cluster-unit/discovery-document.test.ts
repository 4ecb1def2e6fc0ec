import { describe, expect, it } from 'vitest';
import {
  keepStale,
  parseAggregated,
  parseGroupList,
  parseResourceList,
} from '../../engine/cluster/discovery-document.ts';

const deployments = {
  resource: 'deployments',
  responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  scope: 'Namespaced',
  verbs: ['get', 'list'],
  subresources: [{ subresource: 'status', responseKind: { kind: 'Deployment' }, verbs: ['get'] }],
};

function aggregated(freshness: string, resources: object[]) {
  const versions = [{ version: 'v1', freshness, resources }];
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    items: [{ metadata: { name: 'apps' }, versions }],
  };
}

describe('discovery', () => {
  it('reads the aggregated document', () => {
    expect(parseAggregated(aggregated('Current', [deployments]))).toEqual([
      {
        group: 'apps',
        version: 'v1',
        stale: false,
        resources: [
          {
            gvk: { group: 'apps', version: 'v1', kind: 'Deployment' },
            plural: 'deployments',
            namespaced: true,
            verbs: ['get', 'list'],
            subresources: ['status'],
          },
        ],
      },
    ]);
  });

  it('keeps what was known of an aggregated API that does not answer now', () => {
    const before = parseAggregated(aggregated('Current', [deployments])) ?? [];
    const now = parseAggregated(aggregated('Stale', [])) ?? [];
    expect(keepStale(now, before)[0]?.resources[0]?.plural).toBe('deployments');
  });

  it('leaves other answers to the older way', () => {
    expect(parseAggregated({ kind: 'APIGroupList', groups: [] })).toBeUndefined();
  });

  it('reads the older documents: the preferred version first, subresources at their resource', () => {
    const groups = [
      {
        name: 'autoscaling',
        versions: [{ version: 'v1' }, { version: 'v2' }],
        preferredVersion: { version: 'v2' },
      },
    ];
    expect(parseGroupList({ kind: 'APIGroupList', groups })).toEqual([
      { group: 'autoscaling', version: 'v2' },
      { group: 'autoscaling', version: 'v1' },
    ]);
    const resources = [
      { name: 'pods', namespaced: true, kind: 'Pod', verbs: ['list'] },
      { name: 'pods/exec', namespaced: true, kind: 'PodExecOptions', verbs: ['create'] },
      { name: 'nodes', namespaced: false, kind: 'Node', verbs: ['list'] },
    ];
    const parsed = parseResourceList('', 'v1', { resources });
    expect(parsed.resources.map((r) => [r.plural, r.namespaced, r.subresources])).toEqual([
      ['pods', true, ['exec']],
      ['nodes', false, []],
    ]);
  });
});
