/**
 * Which resources a new version of a playbook reaches first: those whose uid's hash is below a limit. So the limit alone
 * says it, for resources that come later as well, and it is the same in each process. Pure.
 */
import { sha256 } from '../base/hash.ts';
import { conditionOf } from '../kube/conditions.ts';
import type { KubeObject } from '../kube/object.ts';
import type { RolloutPolicy } from '../playbook/model.ts';

/** Hashes are below it. */
export const HASHES = 2 ** 32;

/** From 0 to HASHES - 1; evenly spread. */
export function hashOf(uid: string): number {
  return Number.parseInt(sha256(uid).slice(0, 8), 16);
}

export interface Sample {
  /** A resource belongs to it when its hash is below. */
  readonly below: number;
  /** How many of those that were there do. */
  readonly size: number;
  /** How many were there. */
  readonly of: number;
  /** Uids of those that were in no good state before: they tell nothing of the new version. */
  readonly unhealthy: readonly string[];
}

export interface Candidate {
  readonly uid: string;
  readonly healthy: boolean;
}

/** As many as the policy says, those in a good state first; at least one, if there is any. */
export function chooseSample(resources: readonly Candidate[], canary: RolloutPolicy['canary']): Sample {
  const of = resources.length;
  if (of === 0) return { below: newOnes(canary), size: 0, of, unhealthy: [] };
  const wanted = canary.kind === 'count' ? canary.count : Math.ceil((of * canary.percent) / 100);
  const healthy = resources.filter((resource) => resource.healthy);
  const hashes = (healthy.length > 0 ? healthy : resources)
    .map(({ uid }) => hashOf(uid))
    .toSorted((a, b) => a - b);
  const below = wanted >= of ? HASHES : (hashes[Math.min(wanted, hashes.length) - 1] ?? 0) + 1;
  const inside = resources.filter(({ uid }) => hashOf(uid) < below);
  return {
    below,
    size: inside.length,
    of,
    unhealthy: inside.filter((r) => !r.healthy).map(({ uid }) => uid),
  };
}

/** Where nobody is there yet, the share of those to come. */
function newOnes(canary: RolloutPolicy['canary']): number {
  return canary.kind === 'share' ? Math.floor((HASHES * canary.percent) / 100) : 0;
}

/** Ready, and no action of it has failed. */
export function isHealthy(resource: KubeObject): boolean {
  return (
    conditionOf(resource, 'Ready')?.status === 'True' &&
    conditionOf(resource, 'ActionFailed')?.status !== 'True'
  );
}
