/** What `kubectl get` shows of a kind with a short schema, and what `kubectl scale` changes. */
import type { GroupVersionKind, JsonObject } from '../kube/object.ts';
import { getPath, isJsonObject } from '../kube/value.ts';
import { type LoadDocument, type LoadNode, textOf } from './load-node.ts';
import { missingStep } from './missing-step.ts';
import type { SchemaInput } from './schema-fields.ts';
import { didYouMean } from './suggest.ts';

const STANDARD: readonly JsonObject[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** `columns`: by title the path of a field (`spec.size`); Ready, Status and Age are always there. */
export function columnsOf(
  columns: Readonly<Record<string, string>>,
  root: JsonObject,
): readonly JsonObject[] {
  const own = Object.entries(columns).map(([name, path]) => ({
    name,
    type: typeAt(root, path),
    jsonPath: path.startsWith('.') ? path : `.${path}`,
  }));
  return [...own, ...STANDARD];
}

/** Paths of columns and of scale that lead nowhere: they would show nothing, and scale nothing. */
export function checkPaths(
  node: LoadNode | undefined,
  root: JsonObject,
  { gvk, input }: { readonly gvk: GroupVersionKind; readonly input: SchemaInput },
): void {
  const { document, problems } = input;
  for (const entry of node === undefined ? [] : document.entries(node)) {
    const path = (textOf(entry) ?? '').replace(/^\./, '');
    if (entry.name === 'selector' || !/^(spec|status)(\.\w+)+$/.test(path)) continue;
    const steps = path.split('.');
    const missing = missingStep(root, steps);
    if (missing?.hasFields !== true) continue;
    const { index, known } = missing;
    const before = steps.slice(0, index).map((each) => `${each}.`);
    problems.error('UnknownPath', entry.place, {
      message: `${path} is not in ${gvk.kind}'s schema`,
      hint: didYouMean(steps[index] ?? '', known, before.join('')),
    });
  }
}

/** Printer columns know fewer types than schemas. */
function typeAt(root: JsonObject, path: string): string {
  const steps = path.replace(/^\./, '').split('.');
  const found = getPath(root, [
    'properties',
    ...steps.flatMap((step, i) => (i === 0 ? [step] : ['properties', step])),
  ]);
  const type = isJsonObject(Object(found)) ? Object(found)['type'] : undefined;
  return type === 'integer' || type === 'number' || type === 'boolean' ? type : 'string';
}

/** The scale subresource: JSON paths with a leading dot. */
export function scaleOf(node: LoadNode | undefined, document: LoadDocument): JsonObject | undefined {
  if (node === undefined) return undefined;
  const path = (key: string): string | undefined => {
    const text = textOf(document.get(node, key));
    return text === undefined || text.startsWith('.') ? text : `.${text}`;
  };
  const selector = path('selector');
  return {
    specReplicasPath: path('replicas') ?? '',
    statusReplicasPath: path('readyReplicas') ?? '',
    ...(selector === undefined ? {} : { labelSelectorPath: selector }),
  };
}
