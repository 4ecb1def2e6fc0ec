/** The noun `observe`: objects of others to read. */
import { kindAt } from './load-kind.ts';
import { flagOf, type LoadNode, type NamedNode } from './load-node.ts';
import { ANYWHERE, templateStringAt, type WatchScope } from './load-scope.ts';
import type { ContextRoot, Observation, TemplateString } from './model.ts';

export function loadObserve(scope: WatchScope, node: LoadNode | undefined): readonly Observation[] {
  return (node === undefined ? [] : scope.document.entries(node)).flatMap((entry) => {
    const observation = loadObservation(scope, entry);
    return observation === undefined ? [] : [observation];
  });
}

function loadObservation(scope: WatchScope, entry: NamedNode): Observation | undefined {
  const { document, problems } = scope;
  const gvk = kindAt(document, entry, problems);
  const namespace = ownTemplateAt(scope, document.get(entry, 'namespace'));
  const target = loadTarget(scope, entry);
  const allNamespaces = flagOf(document.get(entry, 'allNamespaces')) ?? false;
  reportCombinations(scope, entry, allNamespaces);
  if (gvk === undefined || target === undefined) return undefined;
  const { name, keyPlace: place } = entry;
  return { name, place, gvk, target, ...(namespace === undefined ? {} : { namespace }), allNamespaces };
}

function loadTarget(scope: WatchScope, entry: NamedNode): Observation['target'] | undefined {
  const { document } = scope;
  const nameNode = document.get(entry, 'name');
  if (nameNode !== undefined) {
    const objectName = ownTemplateAt(scope, nameNode);
    return objectName === undefined ? undefined : { by: 'name', objectName };
  }
  const selector = document.get(entry, 'selector');
  const matchLabels = selector === undefined ? undefined : document.get(selector, 'matchLabels');
  const labels = (matchLabels === undefined ? [] : document.entries(matchLabels)).flatMap((label) => {
    const value = ownTemplateAt(scope, label);
    return value === undefined ? [] : [[label.name, value] as const];
  });
  return { by: 'selector', labels: Object.fromEntries<TemplateString>(labels) };
}

const OWN_ROOTS: readonly ContextRoot[] = ['object', 'metadata', 'spec', 'status'];

/** What is observed is looked up before vars and children are known. */
function ownTemplateAt(scope: WatchScope, node: LoadNode | undefined): TemplateString | undefined {
  const template = templateStringAt(scope, node, ANYWHERE);
  for (const { root, place } of template?.references ?? []) {
    if (OWN_ROOTS.includes(root)) continue;
    const message = `${root} is not known yet where it is said what to observe`;
    scope.problems.error('BadObservation', place, { message, hint: `there are ${OWN_ROOTS.join(', ')}` });
  }
  return template;
}

function reportCombinations(scope: WatchScope, entry: NamedNode, allNamespaces: boolean): void {
  const { document, problems } = scope;
  const selector = document.get(entry, 'selector');
  const hasName = document.get(entry, 'name') !== undefined;
  if (hasName && selector !== undefined) {
    const message = 'name finds one object, selector a list';
    problems.error('BadObservation', selector.keyPlace, { message, hint: 'give one of them' });
  }
  const namespace = document.get(entry, 'namespace');
  if (allNamespaces && (namespace !== undefined || hasName)) {
    const place = (namespace ?? entry).keyPlace;
    const message = 'allNamespaces looks everywhere, which goes with a selector alone';
    problems.error('BadObservation', place, { message, hint: 'remove allNamespaces, or name and namespace' });
  }
}
