/** What is wrong with the pods of children that are not as described: there the cause is, and not in a Deployment's status. */
import { errorMessage } from '../base/errors.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { POD } from '../kube/kinds.ts';
import { isObject, type KubeObject } from '../kube/object.ts';
import { podTrouble } from '../kube/pod-trouble.ts';
import { selectorText } from '../kube/selectors.ts';
import { getPath } from '../kube/value.ts';
import type { ExplainedChild, Explanation } from '../reconcile/explain.ts';

/** The same with `pods` of each child that selects some; of many in the same trouble a few stand for all. */
export async function withPods(
  explanation: Explanation,
  children: readonly KubeObject[],
  client: Pick<ClusterClient, 'list'>,
): Promise<Explanation> {
  const explained = await Promise.all(
    explanation.children.map(async (child): Promise<ExplainedChild> => {
      const object = children.find(
        ({ kind, metadata }) => kind === child.kind && metadata.name === child.name,
      );
      const pods = object === undefined ? [] : await troubleOfPods(object, client);
      return pods.length === 0 ? child : { ...child, pods };
    }),
  );
  return { ...explanation, children: explained };
}

const MOST_PODS = 3;

async function troubleOfPods(
  { spec, metadata: { namespace } }: KubeObject,
  client: Pick<ClusterClient, 'list'>,
): Promise<readonly string[]> {
  const selector = getPath(spec, ['selector']);
  if (getPath(spec, ['template', 'spec']) === undefined || !isObject(selector) || namespace === undefined)
    return [];
  try {
    const pods = await client.list(POD, { namespace, labelSelector: selectorText(selector) });
    const troubled = pods
      .map((pod) => ({ name: pod.metadata.name, lines: podTrouble(pod) }))
      .filter(({ lines }) => lines.length > 0);
    const told = troubled
      .slice(0, MOST_PODS)
      .flatMap(({ name, lines }) => lines.map((line) => `Pod ${name}: ${line}`));
    const more = troubled.length - MOST_PODS;
    return more > 0 ? [...told, `and ${more} more of ${pods.length} pods`] : told;
  } catch (error) {
    return [`its pods can't be read: ${errorMessage(error)}`];
  }
}
