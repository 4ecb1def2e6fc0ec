/**
 * What the manifests of one watch must agree on about pods. A workload's selector that does not match its own pods is
 * refused by the API server; a Service that finds no pod or no port is accepted, and serves nobody.
 */
import { type Place, placeKey } from '../base/diagnostic.ts';
import { groupKind } from '../kube/object.ts';
import type { Problems } from './load-problems.ts';
import { type OutlineMap, type OutlineNode, outlineAt, type WrittenDocument } from './outline.ts';
import { didYouMean } from './suggest.ts';

/** Where a workload describes its pods. */
export const POD_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  'Deployment.apps': ['spec', 'template'],
  'StatefulSet.apps': ['spec', 'template'],
  'DaemonSet.apps': ['spec', 'template'],
  'ReplicaSet.apps': ['spec', 'template'],
  'Job.batch': ['spec', 'template'],
  'CronJob.batch': ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};

/** Who selects pods of the same playbook, and where. */
const SELECTORS: Readonly<Record<string, readonly string[]>> = {
  Service: ['spec', 'selector'],
  'PodDisruptionBudget.policy': ['spec', 'selector', 'matchLabels'],
};

/** Labels that Kubernetes puts on pods itself. */
const GIVEN_LABEL =
  /^(statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|pod-template-hash|controller-revision-hash|(batch\.kubernetes\.io\/)?(job-name|controller-uid|job-completion-index))$/;

export function checkPods(documents: readonly WrittenDocument[], problems: Problems): void {
  const pods = documents.flatMap(podsOf);
  for (const document of documents) {
    if (document.partial) continue;
    const reported = new Set<string>();
    for (const shape of document.shapes) {
      const selector = SELECTORS[groupKind(document.gvk)];
      if (selector !== undefined)
        checkSelector({ shape, kind: document.gvk.kind, selector }, pods, { problems, reported });
      else checkOwnSelector(document, shape, { problems, reported });
    }
  }
}

export interface Found {
  readonly problems: Problems;
  readonly reported: Set<string>;
}

/** One shape of a workload's pods. Undefined: not written out, so that anything is possible. */
interface Pods {
  readonly labels: OutlineMap | undefined;
  /** Of all containers; undefined where some are not written out. */
  readonly ports: readonly OutlineNode[] | undefined;
}

function podsOf({ gvk, shapes }: WrittenDocument): readonly Pods[] {
  const path = POD_TEMPLATES[groupKind(gvk)];
  if (path === undefined) return [];
  return shapes.map((shape) => {
    const template = outlineAt(shape, ...path);
    return { labels: labelsOf(template), ports: portsOf(template) };
  });
}

/** Without labels where it is written out and has none. */
function labelsOf(template: OutlineNode | undefined): OutlineMap | undefined {
  let at = template;
  for (const name of ['metadata', 'labels']) {
    if (at?.kind !== 'map' || at.entries.some(({ key }) => key === undefined)) return undefined;
    const { place } = at;
    at = outlineAt(at, name) ?? { kind: 'map', place, entries: [] };
  }
  return at?.kind === 'map' ? at : undefined;
}

function portsOf(template: OutlineNode | undefined): readonly OutlineNode[] | undefined {
  const containers = outlineAt(template, 'spec', 'containers');
  if (containers?.kind !== 'list') return undefined;
  const ports: OutlineNode[] = [];
  for (const container of containers.items) {
    const list = outlineAt(container, 'ports');
    if (container.kind !== 'map' || (list !== undefined && list.kind !== 'list')) return undefined;
    ports.push(...(list?.items ?? []));
  }
  return ports;
}

function checkOwnSelector({ gvk }: WrittenDocument, shape: OutlineNode, found: Found): void {
  const selector = outlineAt(shape, 'spec', 'selector', 'matchLabels');
  const path = POD_TEMPLATES[groupKind(gvk)];
  if (selector?.kind !== 'map' || path === undefined || path.length === 0) return;
  const labels = outlineAt(shape, ...path, 'metadata', 'labels');
  if (labels !== undefined && labels.kind !== 'map') return;
  const wrong = mismatch(selector, labels);
  if (wrong === undefined) return;
  const message = `the selector of this ${gvk.kind} does not match its pods: they ${wrong.what}`;
  const hint = 'give the pods (spec.template.metadata.labels) the same label';
  tell(wrong.place, found, () => {
    if (wrong.always) found.problems.error('SelectorMismatch', wrong.place, { message, hint });
    else found.problems.warn('SelectorMismatch', wrong.place, { message, hint });
  });
}

interface Selecting {
  readonly shape: OutlineNode;
  readonly kind: string;
  /** Where it says which pods. */
  readonly selector: readonly string[];
}

function checkSelector(
  { shape, kind, selector: path }: Selecting,
  pods: readonly Pods[],
  found: Found,
): void {
  const selector = outlineAt(shape, ...path);
  if (selector?.kind !== 'map' || pods.length === 0) return;
  const misses = pods.map(({ labels }) => (labels === undefined ? undefined : mismatch(selector, labels)));
  const selected = pods.filter((_, index) => misses[index] === undefined);
  const [first] = misses;
  // A wrong selector hides no wrong port.
  const offering = selected.length > 0 ? selected : pods;
  if (kind === 'Service') checkPorts(outlineAt(shape, 'spec', 'ports'), offering, found);
  if (selected.length === 0 && first !== undefined) {
    const message = `no pod of this playbook has the labels that this ${kind} selects: they ${first.what}`;
    const hint = 'let the selector and the labels of the pods agree';
    tell(first.place, found, () => found.problems.warn('ServiceWithoutPods', first.place, { message, hint }));
  }
}

interface Mismatch {
  readonly place: Place;
  readonly what: string;
  /** False: a resource that happens to have the right name has pods that match. */
  readonly always: boolean;
}

/** The first label that pods with these labels don't have; undefined where they may match. */
function mismatch(selector: OutlineMap, labels: OutlineMap | undefined): Mismatch | undefined {
  if (labels?.entries.some(({ key }) => key === undefined) === true) return undefined;
  for (const { key, keyPlace, value } of selector.entries) {
    if (key === undefined || GIVEN_LABEL.test(key)) continue;
    const label = labels?.entries.find((each) => each.key === key);
    if (label === undefined) return { place: keyPlace, what: `have no label ${key}`, always: true };
    const always = value.kind === 'literal' && label.value.kind === 'literal';
    if (always ? value.value === label.value.value : !isLikeName(value, label.value)) continue;
    return { place: value.place, what: `have ${key}: ${shown(label.value)}`, always };
  }
  return undefined;
}

/** One of them is the resource's name, and the other a word: a name that was forgotten when the rest became a template. */
function isLikeName(one: OutlineNode, other: OutlineNode): boolean {
  const readsName = (node: OutlineNode): boolean =>
    node.kind === 'value'
      ? node.reference?.root === 'metadata'
      : node.kind === 'text' && /^(\{\{)?\s*metadata\./.test(node.source);
  return (one.kind === 'literal' && readsName(other)) || (other.kind === 'literal' && readsName(one));
}

function shown(node: OutlineNode): string {
  if (node.kind === 'literal') return String(node.value);
  return node.kind === 'value' || node.kind === 'text' ? node.source : '…';
}

function checkPorts(ports: OutlineNode | undefined, pods: readonly Pods[], found: Found): void {
  const offered = pods.flatMap((each) => each.ports ?? []);
  if (ports?.kind !== 'list' || offered.length === 0 || pods.some((each) => each.ports === undefined)) return;
  const names = offered.flatMap((port) => literalsOf(outlineAt(port, 'name')));
  const numbers = offered.flatMap((port) => literalsOf(outlineAt(port, 'containerPort')));
  // A name is no number: an expression for the one says nothing of the other.
  const isOpen = (key: string): boolean =>
    offered.some((port) => ![undefined, 'literal'].includes(outlineAt(port, key)?.kind));
  for (const port of ports.items) {
    const target = outlineAt(port, 'targetPort') ?? outlineAt(port, 'port');
    if (target?.kind !== 'literal' || [...names, ...numbers].includes(String(target.value))) continue;
    if (isOpen(/^\d+$/.test(String(target.value)) ? 'containerPort' : 'name')) continue;
    const message = `no container of the pods has the port ${target.value}`;
    const hint = didYouMean(String(target.value), [...names, ...numbers]);
    tell(target.place, found, () => found.problems.warn('PortNotFound', target.place, { message, hint }));
  }
}

function literalsOf(node: OutlineNode | undefined): readonly string[] {
  return node?.kind === 'literal' ? [String(node.value)] : [];
}

/** Each place once. */
export function tell(place: Place, { reported }: Found, say: () => void): void {
  const key = placeKey(place);
  if (reported.has(key)) return;
  reported.add(key);
  say();
}
