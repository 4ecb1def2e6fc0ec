/** A wave: all resources created at once, by the engine or, as the floor, their children by a client that does nothing else. */
import type { Cluster } from '../../engine/cluster/api.ts';
import { conditionOf } from '../../engine/kube/conditions.ts';
import { milestone } from './milestone.ts';
import {
  CHILDREN,
  childrenOf,
  createNamespace,
  DEPLOYMENT,
  each,
  podIsReady,
  TRIO,
  trio,
  WRITE,
} from './trio.ts';

/** Seconds since the first request was sent. */
export interface Wave {
  /** Until the last child exists. */
  readonly children: number;
  /** Until the last Deployment says that its pod is ready: the cluster's own work, whoever asked for it. */
  readonly pods: number;
  /** Until the last resource is Ready; undefined for the floor, which has none. */
  readonly ready: number | undefined;
}

export interface WaveOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly names: readonly string[];
}

/** The engine must be running. */
export async function engineWave(options: WaveOptions): Promise<Wave> {
  const { cluster, namespace, names } = options;
  await createNamespace(cluster, namespace);
  const ready = await milestone(cluster, {
    ...{ gvk: TRIO, namespace, names },
    holds: (object) => conditionOf(object, 'Ready')?.status === 'True',
  });
  const toChildren = await childrenMilestones(options);
  const begun = performance.now();
  await each(names, (name) => cluster.client.create(trio(namespace, name), WRITE));
  return { ...(await toChildren(begun)), ready: seconds(begun, await ready.reached) };
}

/** One child after another for each resource, as many resources at once as the engine has workers. */
export async function bareWave(options: WaveOptions): Promise<Wave> {
  const { cluster, namespace, names } = options;
  await createNamespace(cluster, namespace);
  const children = childrenOf(namespace, names);
  const toChildren = await childrenMilestones(options);
  const begun = performance.now();
  await each(children, async (three) => {
    for (const child of three) await cluster.client.create(child, WRITE);
  });
  return { ...(await toChildren(begun)), ready: undefined };
}

type Timed = (begun: number) => Promise<Pick<Wave, 'children' | 'pods'>>;

async function childrenMilestones({ cluster, namespace, names }: WaveOptions): Promise<Timed> {
  const exist = await Promise.all(
    CHILDREN.map((gvk) => milestone(cluster, { gvk, namespace, names, holds: () => true })),
  );
  const pods = await milestone(cluster, { gvk: DEPLOYMENT, namespace, names, holds: podIsReady });
  return async (begun) => {
    const last = Math.max(...(await Promise.all(exist.map((one) => one.reached))));
    return { children: seconds(begun, last), pods: seconds(begun, await pods.reached) };
  };
}

function seconds(from: number, to: number): number {
  return (to - from) / 1000;
}
