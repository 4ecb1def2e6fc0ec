/** What depends on schemas is right from the first write on, however late the API server publishes them. */
import { expect, it } from 'vitest';
import { connectThroughProxy } from './cluster-support.ts';
import { bench, boxFiles, engine, eventually, get, isReady, putBox, putPlaybook } from './operator-kit.ts';

it('a list of one stays a list in the status of a kind that was defined a moment ago', async () => {
  const at = await bench();
  const { cluster, proxy } = await connectThroughProxy();
  // The index and the documents come late: seconds for a new kind are usual on a large cluster.
  proxy.setFault(({ path }) =>
    path.startsWith('/openapi/v3')
      ? { kind: 'hold', until: new Promise((r) => setTimeout(r, 2_000)) }
      : undefined,
  );
  const running = await engine(at, { cluster });
  await running.operator.ready;
  const files = boxFiles(at);
  const watches = `${files['watches.yaml']}  status:\n    replicas: spec.text\n`;
  const crd = files['crd.yaml']?.replace(
    '            x-kubernetes-preserve-unknown-fields: true\n',
    `            properties:
              observedGeneration: {type: integer}
              conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
              replicas: {type: array, items: {type: string}}
`,
  );
  await putPlaybook(at, 'box', boxFiles(at, { 'watches.yaml': watches, 'crd.yaml': crd }));
  await putBox(at, 'one', { size: 1, text: 'hello' });
  await eventually(at, at.box, 'one', isReady);
  expect((await get(at, at.box, 'one'))?.status).toMatchObject({ replicas: ['hello'] });
  expect(
    proxy.requests
      .filter(({ status, path }) => (status ?? 0) >= 400 && status !== 404 && path.includes('/status'))
      .map(({ method, path }) => `${method} ${path}`),
  ).toEqual([]);
});
