import { expect, it } from 'vitest';
import { ApiError } from '../../engine/cluster/errors.ts';
import { isObject, type JsonObject } from '../../engine/kube/object.ts';
import { poll, WRITE } from './cluster-support.ts';
import { bench, engine, eventually, get, isReady, putPlaybook } from './operator-kit.ts';

const CONFIG =
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{metadata.name}}-c"}\ndata: {size: "{{spec.size}}", mode: "{{spec.mode}}"}\n';

it('a kind that a watch describes in short is served, defaulted, checked by CEL, scaled and kept immutable', async () => {
  const at = await bench();
  const { operator } = await engine(at);
  await operator.ready;
  const group = `short.${at.box.group}`;
  const files = {
    'watches.yaml': `- group: ${group}
  version: v1
  kind: Crate
  schema:
    spec:
      size: {type: integer, default: 1, min: 0, max: 10}
      image: {type: string, required: true, immutable: true}
      storage: {fields: {size: {type: quantity, default: 1Gi}}}
      users: {items: {fields: {name: string, admin: boolean}}, key: name}
      mode: {type: string, enum: [fast, safe], default: safe}
    rules:
    - {rule: "self.size < 5 || self.mode == 'fast'", message: large crates must be fast}
    columns: {Size: spec.size}
    scale: {replicas: spec.size, readyReplicas: status.ready}
  manifests: [c.yaml.hbs]
  status: {ready: spec.size}
`,
    'c.yaml.hbs': CONFIG,
  };
  await putPlaybook(at, 'crates', files);
  const gvk = { group, version: 'v1', kind: 'Crate' };
  await poll(async () => {
    await at.cluster.discovery.refresh();
    return at.cluster.discovery.resource(gvk) !== undefined;
  });
  const crate = (name: string, spec: JsonObject): JsonObject => ({
    apiVersion: `${group}/v1`,
    kind: 'Crate',
    metadata: { namespace: at.namespace, name },
    spec,
  });
  const refusal = async (work: Promise<unknown>): Promise<string> =>
    await work.then(
      () => 'accepted',
      (error: unknown) => (error instanceof ApiError ? error.message : String(error)),
    );
  const created = await at.cluster.client.create(crate('a', { image: 'x', storage: {} }), WRITE);
  expect(created.spec).toMatchObject({ size: 1, mode: 'safe', storage: { size: '1Gi' } });
  const ready = await eventually(at, gvk, 'a', isReady);
  expect(isObject(ready?.status) && ready.status['ready']).toBe(1);

  expect(await refusal(at.cluster.client.create(crate('b', {}), WRITE))).toContain('spec.image: Required');
  expect(await refusal(at.cluster.client.create(crate('b', { image: 'x', size: 7 }), WRITE))).toContain(
    'large crates must be fast',
  );
  const ref = { ...gvk, namespace: at.namespace, name: 'a' };
  expect(await refusal(at.cluster.client.mergePatch(ref, { spec: { image: 'y' } }, WRITE))).toContain(
    "image can't be changed once it is set",
  );
  const path = `/apis/${group}/v1/namespaces/${at.namespace}/crates/a/scale`;
  expect(await at.cluster.client.raw('GET', path)).toMatchObject({
    spec: { replicas: 1 },
    status: { replicas: 1 },
  });
  expect(await get(at, { group: '', version: 'v1', kind: 'ConfigMap' }, 'a-c')).toMatchObject({
    data: { size: '1', mode: 'safe' },
  });
});
