/**
 * How long a broken child stays broken. ConfigMaps in turn are deleted and changed by another client, one at a time; the
 * floor is the same client mending it itself right after.
 */
import type { Cluster } from '../../engine/cluster/api.ts';
import { isObject, type JsonObject, type ObjectRef } from '../../engine/kube/object.ts';
import { repairTime } from './milestone.ts';
import { CONFIG_MAP, childrenOf, GREETING, greets } from './trio.ts';

/** Milliseconds from sending the harm until the watch shows the child as it was. */
export interface Repairs {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface RepairOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly names: readonly string[];
  /** The floor: mend what was broken, too. */
  readonly mend: boolean;
}

const SPOILER = { fieldManager: 'spoiler' };

export async function measureRepairs({ cluster, namespace, names, mend }: RepairOptions): Promise<Repairs> {
  const cache = cluster.cache({ gvk: CONFIG_MAP, namespace });
  await cache.whenSynced();
  const times: number[] = [];
  for (const [index, name] of names.entries()) {
    const harm = { cluster, ref: { ...CONFIG_MAP, namespace, name }, mend };
    const spoil = index % 2 === 0 ? deleteIt : changeIt;
    times.push(await repairTime(cache, { name, holds: greets }, () => spoil(harm)));
  }
  cache.release();
  const sorted = times.toSorted((a, b) => a - b);
  return { count: times.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

interface Harm {
  readonly cluster: Cluster;
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly mend: boolean;
}

async function deleteIt({ cluster, ref, mend }: Harm): Promise<void> {
  await cluster.client.delete(ref, {});
  const whole = mend ? childrenOf(ref.namespace, [ref.name])[0]?.find(isConfigMap) : undefined;
  if (whole !== undefined) await cluster.client.create(whole, SPOILER);
}

async function changeIt({ cluster, ref, mend }: Harm): Promise<void> {
  const greet = (greeting: string): Promise<unknown> =>
    cluster.client.mergePatch(ref, { data: { greeting } }, SPOILER);
  await greet('spoilt');
  if (mend) await greet(GREETING);
}

function isConfigMap(object: JsonObject): boolean {
  return isObject(object) && object.kind === CONFIG_MAP.kind;
}

/** Nearest rank. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
