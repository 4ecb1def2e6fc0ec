/** One change that the engine made, in words: for which resource, on what, and each field as it was and as it is. */
import { describeRef } from '../kube/object.ts';
import type { ToldChange } from '../operator/told-change.ts';
import { describeChildren } from './plan.ts';

export function changeLines({ resource, child, refusal }: ToldChange): readonly string[] {
  const text = describeChildren({ children: [child], actions: [] }, resource.namespace);
  const lines = text.trimEnd().split('\n');
  const refused = refusal === undefined ? [] : [`      refused: ${refusal.replaceAll('\n', ' ')}`];
  return [`${describeRef(resource)}:`, ...lines, ...refused];
}
