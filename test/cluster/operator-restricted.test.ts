/** An engine without a right in the whole cluster: a Role in each of its namespaces, as docs/install.md lists them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import { isObject } from '../../engine/kube/object.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';
import { candidacy, connect, connectThroughProxy, WRITE } from './cluster-support.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { testNamespace } from './harness.ts';
import {
  type Bench,
  bench,
  boxFiles,
  CONFIG_MAP,
  condition,
  DEPLOYMENT,
  dataOf,
  engine,
  eventually,
  get,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const RBAC = 'rbac.authorization.k8s.io';
const DOCUMENT = join(import.meta.dirname, '../../docs/install.md');

/** The rules of the Role called `name` in the documentation, so that it can't promise what does not suffice. */
async function documentedRules(name: string): Promise<readonly JsonObject[]> {
  const text = await readFile(DOCUMENT, 'utf8');
  for (const [, yaml = ''] of text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)) {
    for (const { value } of parseYaml({ file: 'install.md', text: yaml }).documents) {
      if (!isObject(value) || value['kind'] !== 'Role' || !isObject(value['metadata'])) continue;
      if (value['metadata']['name'] === name) return value['rules'] as readonly JsonObject[]; // as: it came out of YAML
    }
  }
  throw new Error(`docs/install.md has no Role ${name}`);
}

async function grant(
  at: Bench,
  namespace: string,
  name: string,
  rules: readonly JsonObject[],
): Promise<void> {
  const metadata = { namespace, name };
  const roleRef = { apiGroup: RBAC, kind: 'Role', name };
  const subjects = [{ apiGroup: RBAC, kind: 'User', name: userOf(at) }];
  await at.cluster.client.create({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules }, WRITE);
  await at.cluster.client.create(
    { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
    WRITE,
  );
}

function userOf(at: Bench): string {
  return `engine-${at.namespace}`;
}

/** The playbook's own part of the rights: its kind, and the kinds of its children. */
function boxRules(at: Bench): readonly JsonObject[] {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  return [
    { apiGroups: [at.box.group], resources: ['boxes', 'boxes/status', 'boxes/finalizers'], verbs },
    { apiGroups: [''], resources: ['configmaps'], verbs },
    { apiGroups: ['apps'], resources: ['deployments'], verbs },
  ];
}

/** What the API server refused, by method and path. */
function refusedPaths({ requests }: FaultProxy): readonly string[] {
  const refused = requests.filter((r) => r.status === 403);
  return [...new Set(refused.map((r) => `${r.method} ${r.path.split('?', 1)[0]}`))].toSorted();
}

/** The administrator installs the definition, for that is a right in the whole cluster. */
async function installDefinition(at: Bench): Promise<void> {
  const [crd] = parseYaml({ file: 'crd.yaml', text: boxFiles(at)['crd.yaml'] ?? '' }).documents;
  await at.cluster.client.create(crd?.value as JsonObject, WRITE); // as: it came out of YAML
}

describe('an engine with Roles alone', () => {
  it('works in the namespaces that it was given, and is refused only what it can do without', async () => {
    const at = await bench();
    const shop = { ...at, namespace: await testNamespace('shop') };
    const foreign = { ...at, namespace: await testNamespace('foreign') };
    await installDefinition(at);
    await grant(at, at.namespace, 'libretto-engine', await documentedRules('libretto-engine'));
    await grant(at, shop.namespace, 'libretto-workload', await documentedRules('libretto-workload'));
    await grant(at, shop.namespace, 'box', boxRules(at));
    await putPlaybook(at, 'box', boxFiles(at));

    const { cluster, proxy } = await connectThroughProxy({ impersonate: { user: userOf(at) } });
    const running = await engine(at, {
      cluster,
      watchNamespaces: [shop.namespace],
      installCrds: false,
      leaderElection: candidacy('restricted'),
    });
    await running.operator.ready;
    await putBox(foreign, 'one', { size: 1, text: 'foreign' });
    await putBox(shop, 'one', { size: 1, text: 'hello' });
    await eventually(shop, at.box, 'one', isReady);
    await putBox(shop, 'one', { size: 2, text: 'changed' });
    await eventually(shop, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'changed');
    await at.cluster.client.delete({ ...CONFIG_MAP, namespace: shop.namespace, name: 'one-config' }, {});
    await eventually(shop, CONFIG_MAP, 'one-config', (c) => dataOf(c)['text'] === 'changed');
    await eventually(shop, at.box, 'one', isReady);
    expect(await get(foreign, DEPLOYMENT, 'one')).toBeUndefined();
    expect((await get(foreign, at.box, 'one'))?.status).toBeUndefined();
    expect(refusedPaths(proxy)).toEqual([
      'GET /api/v1/namespaces',
      `GET /api/v1/namespaces/${at.namespace}`,
      'GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      'GET /apis/apiregistration.k8s.io/v1/apiservices',
    ]);
  });

  it('says which right is missing, on the resource, and goes on once it is there', async () => {
    const at = await bench();
    const shop = { ...at, namespace: await testNamespace('shop') };
    await installDefinition(at);
    await grant(at, at.namespace, 'libretto-engine', await documentedRules('libretto-engine'));
    await grant(at, shop.namespace, 'libretto-workload', await documentedRules('libretto-workload'));
    await grant(at, shop.namespace, 'box', boxRules(at).slice(0, 2));
    await putPlaybook(at, 'box', boxFiles(at));
    const cluster = await connect({ impersonate: { user: userOf(at) } });
    await engine(at, { cluster, watchNamespaces: [shop.namespace], installCrds: false });
    await putBox(shop, 'one', { size: 1, text: 'hello' });
    const box = await eventually(shop, at.box, 'one', (b) =>
      /deployments/.test(String(condition(b, 'Ready')?.['message'])),
    );
    expect(condition(box, 'Ready')?.['message']).toMatch(/forbidden|Forbidden/);
    await grant(at, shop.namespace, 'rest', boxRules(at).slice(2));
    await eventually(shop, at.box, 'one', isReady);
  });
});
