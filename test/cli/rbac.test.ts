import { describe, expect, it } from 'vitest';
import { libretto } from './libretto.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface RbacObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly subjects?: readonly object[];
}

async function rbac(...argv: readonly string[]): Promise<readonly RbacObject[]> {
  const { out, code } = await libretto('rbac', ...argv, '--output', 'json');
  expect(code).toBe(0);
  return JSON.parse(out).items;
}

/** Verbs on a resource in all rules together. */
function verbsOn(objects: readonly RbacObject[], group: string, resource: string): readonly string[] {
  return objects
    .flatMap(({ rules }) => rules ?? [])
    .filter(({ apiGroups, resources }) => apiGroups.includes(group) && resources.includes(resource))
    .flatMap(({ verbs }) => verbs);
}

describe('libretto rbac', () => {
  it('grants what a playbook without actions needs, and nothing else', async () => {
    const objects = await rbac('playbooks/memcached');
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ServiceAccount libretto-memcached',
      'ClusterRole libretto-system:libretto-memcached',
      'ClusterRoleBinding libretto-system:libretto-memcached',
    ]);
    expect(verbsOn(objects, 'cache.example.com', 'memcacheds')).toEqual(['get', 'list', 'patch', 'watch']);
    expect(verbsOn(objects, 'cache.example.com', 'memcacheds/status')).toEqual(['patch']);
    const kept = ['create', 'delete', 'get', 'list', 'patch', 'watch'];
    expect(verbsOn(objects, 'apps', 'deployments')).toEqual(kept);
    for (const resource of ['secrets', 'pods', 'pods/exec', 'configmaps'])
      expect(verbsOn(objects, '', resource)).toEqual([]);
    expect(verbsOn(objects, 'libretto.dev', 'actionruns')).toEqual([]);
    expect(objects.flatMap(({ rules }) => rules ?? []).flatMap(({ verbs }) => verbs)).not.toContain('*');
  });

  it('grants what actions and probes need', async () => {
    const objects = await rbac('playbooks/redis');
    expect(verbsOn(objects, '', 'pods/exec')).toEqual(['create', 'get']);
    expect(verbsOn(objects, '', 'pods')).toEqual(['delete', 'get', 'list', 'watch']);
    expect(verbsOn(objects, 'batch', 'jobs')).toEqual(['create', 'delete', 'get', 'list', 'watch']);
    expect(verbsOn(objects, 'libretto.dev', 'actionruns')).toContain('create');
  });

  it('keeps to namespaces where it can', async () => {
    const objects = await rbac('playbooks/memcached', '--watch-namespaces', 'a,b', '--namespace', 'ops');
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`)).toEqual([
      'ServiceAccount ops',
      'Role a',
      'RoleBinding a',
      'Role b',
      'RoleBinding b',
    ]);
    expect(objects.at(-1)?.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'libretto-memcached', namespace: 'ops' },
    ]);
  });

  it('is YAML to apply, and refuses a folder with errors', async () => {
    expect((await libretto('rbac', 'playbooks/webapp')).out).toContain('kind: ClusterRoleBinding\n');
    expect(await libretto('rbac', 'docs')).toMatchObject({ code: 2 });
  });
});

describe('libretto rbac --engine', () => {
  const names = (objects: readonly RbacObject[]): readonly string[] =>
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);

  it('grants what the engine keeps to itself, and acting as the accounts of its namespace', async () => {
    const objects = await rbac('--engine', '--impersonate', '--namespace', 'ops');
    expect(names(objects)).toEqual([
      'ServiceAccount ops/libretto',
      'ClusterRole /ops:libretto',
      'ClusterRoleBinding /ops:libretto',
      'Role ops/libretto',
      'RoleBinding ops/libretto',
    ]);
    expect(verbsOn(objects, '', 'serviceaccounts')).toEqual(['impersonate']);
    const rules = objects.flatMap(({ kind, rules: own }) => (kind === 'ClusterRole' ? (own ?? []) : []));
    for (const resource of ['secrets', 'configmaps', 'pods', 'serviceaccounts', 'actionruns'])
      expect(rules.flatMap(({ resources }) => resources)).not.toContain(resource);
    const everywhere = await rbac('--engine', '--impersonate', '--install-crds=false');
    expect(verbsOn(everywhere, 'apiextensions.k8s.io', 'customresourcedefinitions')).toEqual([
      'list',
      'watch',
    ]);
  });

  it('gives an engine that acts as itself the rights of its playbooks, and none to act as others', async () => {
    const objects = await rbac('--engine', 'playbooks/memcached', '--watch-namespaces', 'shop');
    expect(verbsOn(objects, '', 'serviceaccounts')).toEqual([]);
    expect(names(objects).filter((name) => name.startsWith('ServiceAccount'))).toEqual([
      'ServiceAccount libretto-system/libretto',
    ]);
    expect(objects.find(({ metadata }) => metadata.name === 'libretto-memcached')?.metadata.namespace).toBe(
      'shop',
    );
    expect(objects.at(-1)?.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'libretto', namespace: 'libretto-system' },
    ]);
  });

  it('lets an account operate the runs of its own kinds alone', async () => {
    const objects = await rbac('playbooks/sampledb');
    const operate = objects
      .flatMap(({ rules }) => rules ?? [])
      .filter(({ verbs }) => verbs.includes('operate'));
    expect(operate).toEqual([
      {
        apiGroups: ['libretto.dev'],
        resources: ['actionruns'],
        resourceNames: ['SampleDB.databases.libretto.dev'],
        verbs: ['operate'],
      },
    ]);
  });

  it('wants a folder or --engine', async () => {
    expect(await libretto('rbac')).toMatchObject({ code: 2 });
  });
});
