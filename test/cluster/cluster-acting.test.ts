/** One process that acts as several users: what each may not do is denied, whatever another may and has read. */
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../engine/cluster/api.ts';
import { fencedCluster } from '../../engine/cluster/fence.ts';
import type { JsonObject } from '../../engine/kube/object.ts';
import { CONFIG_MAP, configMap, connect, connectThroughProxy, poll, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

const RBAC = 'rbac.authorization.k8s.io';
const SELF = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };

function accountIn(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

async function grant(
  admin: Cluster,
  namespace: string,
  name: string,
  verbs: readonly string[],
): Promise<void> {
  const metadata = { namespace, name };
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs }];
  const roleRef = { apiGroup: RBAC, kind: 'Role', name };
  const subjects = [{ kind: 'ServiceAccount', namespace, name }];
  for (const object of [
    { kind: 'Role', metadata, rules },
    { kind: 'RoleBinding', metadata, roleRef, subjects },
  ] as const)
    await admin.client.create({ apiVersion: `${RBAC}/v1`, ...object }, WRITE);
}

async function whoIs(cluster: Cluster): Promise<JsonObject> {
  const answer = await cluster.client.raw('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', SELF);
  return (answer as { status: { userInfo: JsonObject } }).status.userInfo; // as: it is what that API answers
}

describe('acting as a ServiceAccount', () => {
  it('is that account with its groups, and has its rights alone', async () => {
    const admin = await connect();
    const namespace = await testNamespace('acting');
    const user = accountIn(namespace, 'reader');
    const reader = admin.actAs({ user, wayOut: 'give it a Role' });
    expect(await whoIs(reader)).toMatchObject({
      username: user,
      groups: [`system:serviceaccounts`, `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    });
    const denied = await reader.client.list(CONFIG_MAP, { namespace }).catch((error: unknown) => error);
    expect(denied).toMatchObject({ status: 403, reason: 'Forbidden' });
    expect(String(denied)).toMatch(
      new RegExp(
        `User "${user}" cannot list resource "configmaps" .*in the namespace "${namespace}"; give it a Role`,
      ),
    );
    await grant(admin, namespace, 'reader', ['get', 'list', 'watch']);
    await poll(() =>
      reader.client.list(CONFIG_MAP, { namespace }).then(
        () => true,
        () => false,
      ),
    );
    await expect(reader.client.create(configMap(namespace, 'one'), WRITE)).rejects.toMatchObject({
      status: 403,
    });
    await admin.client.create(configMap(namespace, 'one'), WRITE);
  });

  it('never reads from a cache that another user has filled, and tells what is denied and allowed again', async () => {
    const admin = await connect({ random: () => 0 });
    const namespace = await testNamespace('acting');
    const selection = { gvk: CONFIG_MAP, namespace };
    await admin.client.create(configMap(namespace, 'secret-plan'), WRITE);
    const rich = admin.cache(selection);
    await rich.whenSynced();
    const told: (string | undefined)[] = [];
    const poor = admin.actAs({ user: accountIn(namespace, 'poor') }, ({ gvk }, denial) =>
      told.push(denial === undefined ? undefined : gvk.kind),
    );
    const cache = poor.cache(selection);
    await poll(() => cache.failure !== undefined);
    expect(cache.list()).toEqual([]);
    expect(told).toEqual(['ConfigMap']);
    await grant(admin, namespace, 'poor', ['get', 'list', 'watch']);
    await cache.whenSynced();
    expect(cache.get(namespace, 'secret-plan')).toBeDefined();
    expect(told).toEqual(['ConfigMap', undefined]);
  });

  it('ends with its own watches, and leaves those of others', async () => {
    const { cluster, proxy } = await connectThroughProxy();
    const namespace = await testNamespace('acting');
    await grant(cluster, namespace, 'reader', ['get', 'list', 'watch']);
    const selection = { gvk: CONFIG_MAP, namespace };
    const own = cluster.cache(selection);
    await own.whenSynced();
    const acting = cluster.actAs({ user: accountIn(namespace, 'reader') });
    await acting.cache(selection).whenSynced();
    const open = (): number =>
      proxy.requests.filter(({ path, ended }) => path.includes(`/${namespace}/configmaps`) && !ended).length;
    expect(open()).toBe(2);
    await acting.close();
    await poll(() => open() === 1);
    await cluster.client.create(configMap(namespace, 'later'), WRITE);
    await poll(() => own.get(namespace, 'later') !== undefined);
  });

  it('stands behind the fence of who leads', async () => {
    const admin = await connect();
    const namespace = await testNamespace('acting');
    await grant(admin, namespace, 'writer', ['create', 'get']);
    let leading = true;
    const writer = fencedCluster(admin, () => leading).actAs({ user: accountIn(namespace, 'writer') });
    await poll(() =>
      writer.client.create(configMap(namespace, 'one'), WRITE).then(
        () => true,
        () => false,
      ),
    );
    leading = false;
    await expect(writer.client.create(configMap(namespace, 'two'), WRITE)).rejects.toMatchObject({
      code: 'NotLeader',
    });
    expect(await writer.client.get({ ...CONFIG_MAP, namespace, name: 'two' })).toBeUndefined();
  });

  it('runs commands as that account, too', async () => {
    const admin = await connect();
    const namespace = await testNamespace('acting');
    const exec = admin.actAs({ user: accountIn(namespace, 'nobody') }).calls.exec;
    const call = { namespace, pod: 'none', command: ['true'], timeoutMs: 10_000 };
    expect(await exec(call)).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining(`User "${accountIn(namespace, 'nobody')}" cannot get resource "pods"`),
    });
  });
});
