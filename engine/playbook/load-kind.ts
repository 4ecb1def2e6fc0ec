/** Which kind is meant: `apps/v1/Deployment`, {apiVersion, kind} or {group, version, kind}. */
import type { GroupVersionKind } from '../kube/object.ts';
import { type LoadDocument, type LoadNode, textOf } from './load-node.ts';
import type { Problems } from './load-problems.ts';

/** Reads the kind that a node names; what the schema could not judge is reported here. */
export function kindAt(
  document: LoadDocument,
  node: LoadNode,
  problems: Problems,
): GroupVersionKind | undefined {
  const short = textOf(node);
  if (short !== undefined) return parseShort(short);
  const kind = textOf(document.get(node, 'kind'));
  const apiVersion = document.get(node, 'apiVersion');
  const version = document.get(node, 'version');
  const group = document.entries(node).find(({ name }) => name === 'group');
  if (kind === undefined) return undefined;
  if (apiVersion !== undefined && (version !== undefined || group !== undefined)) {
    const message = 'apiVersion says the group and the version already';
    problems.error('BadKind', apiVersion.keyPlace, {
      message,
      hint: 'give either apiVersion, or group and version',
    });
    return undefined;
  }
  if (apiVersion !== undefined) return parseShort(`${textOf(apiVersion) ?? ''}/${kind}`);
  if (version === undefined) {
    const hint = 'add apiVersion, such as apps/v1 (v1 for the core group)';
    problems.error('BadKind', node.place, { message: `the API version of ${kind} is missing`, hint });
    return undefined;
  }
  return { group: textOf(group) ?? '', version: textOf(version) ?? '', kind };
}

function parseShort(text: string): GroupVersionKind | undefined {
  const parts = text.split('/');
  const [kind, version, group = ''] = parts.reverse();
  return kind === undefined || version === undefined ? undefined : { group, version, kind };
}
