/** The engine at work while kube-apiserver and etcd are restarted; on a control plane of its own for that reason. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import { connect, poll } from './cluster-support.ts';
import {
  type Bench,
  boxFiles,
  CONFIG_MAP,
  DEPLOYMENT,
  dataOf,
  engine,
  eventually,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane({ kwokNodes: 1 });
}, 300_000);
afterAll(() => plane?.stop());

const NAMES = Array.from({ length: 40 }, (_, index) => `box-${index}`);
const LAST = 'the last text';

async function ownBench(): Promise<Bench> {
  const kubeconfig = loadKubeConfig({ path: plane.kubeconfigPath });
  const box = { group: 'restart.example.com', version: 'v1', kind: 'Box' };
  return { cluster: await connect({ kubeconfig }), namespace: 'default', box };
}

/** The uids of all children that ever were: a child made twice would have two. */
function uidsEver(at: Bench): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const gvk of [CONFIG_MAP, DEPLOYMENT]) {
    const cache = at.cluster.cache({ gvk, namespace: at.namespace, labelSelector: 'libretto.dev/owner-uid' });
    onTestFinished(() => cache.release());
    cache.subscribe((event) => {
      if (event.kind === 'added') seen.add(event.object.metadata.uid ?? '');
    });
  }
  return seen;
}

/** Describes every box, again and again with another text, until told to end; what fails meanwhile is said anew. */
function keepDescribing(at: Bench): { end(): Promise<void> } {
  let going = true;
  const work = (async () => {
    for (let round = 0; going; round++)
      for (const name of NAMES) await putBox(at, name, { size: 1, text: `${round}` }).catch(() => undefined);
  })();
  return {
    async end() {
      going = false;
      await work;
    },
  };
}

it('goes on after each restart, makes no child twice, and comes to rest as described', {
  timeout: 600_000,
}, async () => {
  const at = await ownBench();
  const uids = uidsEver(at);
  let writes = 0;
  const running = await engine(at, {
    cluster: await connect({
      kubeconfig: loadKubeConfig({ path: plane.kubeconfigPath }),
      onRequest: ({ method }) => {
        if (method !== 'GET') writes++;
      },
    }),
  });
  await putPlaybook(at, 'box', boxFiles(at));
  await running.operator.ready;
  const load = keepDescribing(at);
  onTestFinished(() => load.end());
  await eventually(at, CONFIG_MAP, 'box-5-config', (c) => c !== undefined);
  await plane.restart('kube-apiserver');
  await plane.restart('etcd');
  await plane.ready();
  await load.end();

  for (const name of NAMES) await putBox(at, name, { size: 1, text: LAST });
  for (const name of NAMES)
    await eventually(at, CONFIG_MAP, `${name}-config`, (c) => dataOf(c)['text'] === LAST);
  for (const name of NAMES) await eventually(at, at.box, name, isReady);
  await poll(() => uids.size >= 2 * NAMES.length);
  expect(uids.size).toBe(2 * NAMES.length);
  await poll(async () => {
    const before = writes;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return writes === before;
  });
});
