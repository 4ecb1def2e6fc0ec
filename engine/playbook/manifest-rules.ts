/** Which keys of a manifests entry go together: what can never work, or never does anything, is refused. */

import type { KindCatalogue } from './kind-catalogue.ts';
import type { Entry } from './load-manifest-entry.ts';
import type { LoadNode } from './load-node.ts';
import { isMapNode, textOf } from './load-node.ts';
import type { WatchScope } from './load-scope.ts';
import { followPath } from './schema-path.ts';
import { didYouMean } from './suggest.ts';

export function checkEntry(scope: WatchScope, entry: Entry, catalogue: KindCatalogue): void {
  checkForEach(scope, entry);
  checkPolicy(scope, entry);
  checkIgnoredPaths(scope, entry, catalogue);
}

function checkForEach(scope: WatchScope, { node, name }: Entry): void {
  if (name.list) return;
  for (const key of ['key', 'rolling']) {
    refuse(scope, node, {
      key,
      message: `${key} works on the children of forEach`,
      hint: 'add forEach, or remove it',
    });
  }
}

/** Keys that a policy leaves without effect, or that contradict it. */
function checkPolicy(scope: WatchScope, { node, settings }: Entry): void {
  const { policy } = settings;
  if (policy === 'CreateOnly') {
    const hint = 'remove it, or the policy';
    for (const key of ['force', 'ignoreFields']) {
      const message = `${key} works on later changes, and CreateOnly never changes the child`;
      if (key === 'ignoreFields' || settings.force) refuse(scope, node, { key, message, hint });
    }
  }
  if (policy !== 'Apply' && settings.onImmutable === 'Recreate') {
    const message = `onImmutable: Recreate would delete an object that ${policy} does not own or change`;
    refuse(scope, node, { key: 'onImmutable', message, hint: 'remove it, or the policy' });
  }
  if (policy === 'Patch') {
    const hint = 'remove it: fields are given up when the manifest goes, the object itself stays';
    for (const key of ['prune', 'onDelete', 'rolling']) {
      const message = `${key} has no meaning with Patch, which never creates or deletes the object`;
      refuse(scope, node, { key, message, hint });
    }
  }
}

interface Refusal {
  readonly key: string;
  readonly message: string;
  readonly hint: string;
}

/** Reports the key, if it is there. */
function refuse({ document, problems }: WatchScope, node: LoadNode, { key, message, hint }: Refusal): void {
  const found = isMapNode(node) ? document.get(node, key) : undefined;
  if (found !== undefined) problems.error('BadCombination', found.keyPlace, { message, hint });
}

const IDENTITY = new Set(['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace']);

function checkIgnoredPaths(scope: WatchScope, { ignored, name }: Entry, catalogue: KindCatalogue): void {
  for (const { path, place } of ignored) {
    const shown = path.join('.');
    if (path.some((part) => part === '' || /[[\]]/.test(part)) || IDENTITY.has(shown)) {
      const hint =
        'name a field such as spec.replicas; items of lists and what identifies the object are not possible';
      scope.problems.error('BadIgnoredField', place, { message: `${shown} can't be ignored`, hint });
      continue;
    }
    const verdicts = (name.documents ?? []).map(({ gvk }) =>
      followPath(catalogue.schemaOf(gvk), path, 'index'),
    );
    const impossible = verdicts.find((verdict) => verdict.kind === 'impossible');
    if (impossible?.kind !== 'impossible' || verdicts.some((verdict) => verdict.kind === 'possible'))
      continue;
    const parent = path
      .slice(0, impossible.step)
      .map((part) => `${part}.`)
      .join('');
    const hint = didYouMean(path[impossible.step] ?? '', impossible.names, parent);
    const kinds = name.documents?.map(({ gvk }) => gvk.kind).join(' or ') ?? '';
    scope.problems.error('UnknownPath', place, {
      message: `${shown} is not in the schema of ${kinds}`,
      hint,
    });
  }
}

/** The rule `namespaces` against the key `namespace`, once it is known whether the watch makes namespaces itself. */
export function checkNamespace(scope: WatchScope, { node, settings }: Entry, makesNamespaces: boolean): void {
  const { document, problems } = scope;
  const found = isMapNode(node) ? document.get(node, 'namespace') : undefined;
  const text = textOf(found);
  if (found === undefined || text === undefined) return;
  const literal = !text.includes('{{');
  const { namespaces } = settings;
  if (
    namespaces.kind === 'Own' &&
    !makesNamespaces &&
    !/^\{\{\s*(object\.)?metadata\.namespace\s*\}\}$/.test(text)
  ) {
    const message = `namespaces is Own, so that the child can't live in ${text}`;
    const hint = literal
      ? `add namespaces: [${text}]`
      : 'add namespaces: a list of names, {labels: …} or Any';
    problems.error('NamespaceNotAllowed', found.place, { message, hint });
  }
  if (namespaces.kind === 'List' && literal && !namespaces.names.includes(text)) {
    const message = `${text} is not among the manifest's namespaces ${namespaces.names.join(', ')}`;
    problems.error('NamespaceNotAllowed', found.place, { message, hint: `add it to namespaces` });
  }
}
