/**
 * A warning about data: a StatefulSet whose `persistentVolumeClaimRetentionPolicy.whenScaled` is Delete loses the claims
 * of the pods that it is scaled down by, and scaled to 0 loses them all.
 */
import { groupKind } from '../kube/object.ts';
import type { Problems } from './load-problems.ts';
import type { Manifest } from './model.ts';

export function lintClaims(manifests: readonly Manifest[], problems: Problems): void {
  for (const { gvk, template, document } of manifests) {
    const found = template.documents[document];
    if (groupKind(gvk) !== 'StatefulSet.apps' || found === undefined) continue;
    const policy = found.sources.get('spec.persistentVolumeClaimRetentionPolicy.whenScaled') ?? [];
    const replicas = found.sources.get('spec.replicas') ?? [];
    if (!policy.includes('Delete') || replicas.every((text) => /^[1-9]\d*$/.test(text))) continue;
    const message = 'whenScaled: Delete deletes the data when this is scaled to 0';
    const hint = 'write whenScaled: Retain; whenDeleted: Delete is another matter';
    problems.warn('ScalingDeletesClaims', found.place, { message, hint });
  }
}
