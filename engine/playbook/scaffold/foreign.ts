/**
 * What manifests hold that belongs to one installation alone: marks of the API server and of Helm, addresses and ports that
 * it chose; and objects that no template can make, because others made them or nobody can make their content anew.
 */
import { gvkOf, type Json, type JsonObject } from '../../kube/object.ts';
import { isJsonObject, omit } from '../../kube/value.ts';

export interface Sorted {
  readonly kept: readonly JsonObject[];
  /** A sentence for each that becomes no template. */
  readonly leftOut: readonly string[];
}

export function sortOut(documents: readonly JsonObject[]): Sorted {
  const judged = documents.map((document) => ({ document, reason: reasonAgainst(document) }));
  return {
    kept: judged.flatMap(({ document, reason }) => (reason === undefined ? [document] : [])),
    leftOut: judged.flatMap(({ document, reason }) =>
      reason === undefined ? [] : [`${document.kind} ${partOf(document, 'metadata').name}: ${reason}`],
    ),
  };
}

/** Secrets of the other types hold what somebody else signed or gave away. */
const MADE_ANEW = new Set(['Opaque', 'kubernetes.io/basic-auth']);

function reasonAgainst(document: JsonObject): string | undefined {
  const { type = 'Opaque' } = document;
  const metadata = partOf(document, 'metadata');
  const hook = partOf(metadata, 'annotations')['helm.sh/hook'];
  if (hook !== undefined) return `Helm runs it once (${hook}); an action does that here`;
  const owners = metadata['ownerReferences'];
  const owner = (Array.isArray(owners) ? owners : []).find((each) => Object(each).controller === true);
  if (owner !== undefined) return `${Object(owner).kind} ${Object(owner).name} makes it`;
  const isSecret = document.kind === 'Secret' && groupOf(document) === '';
  if (!isSecret || MADE_ANEW.has(String(type))) return undefined;
  return `content of the type ${type} can't be made anew; it has to be there under this name`;
}

const OF_THE_SERVER = [
  'uid',
  'resourceVersion',
  'generation',
  'generateName',
  'creationTimestamp',
  'managedFields',
  'selfLink',
  'namespace',
  'ownerReferences',
  'finalizers',
];
const FOREIGN_ANNOTATION =
  /^((kubectl|deployment|autoscaling|pv|volume)(\.[a-z]+)?\.kubernetes\.io|meta\.helm\.sh)\//;

/** Without what the API server, its controllers and Helm add. */
export function cleaned(document: JsonObject): JsonObject {
  const { status: _status, ...rest } = document;
  const { annotations: _annotations, ...others } = omit(partOf(document, 'metadata'), ...OF_THE_SERVER);
  const kept = Object.entries(partOf(partOf(document, 'metadata'), 'annotations')).filter(
    ([key]) => !FOREIGN_ANNOTATION.test(key),
  );
  const own = kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) };
  const whole = withoutMarks({ ...rest, metadata: { ...others, ...own } as JsonObject }); // as: parts of a JSON object
  return whole.kind === 'Service' && groupOf(whole) === '' ? { ...whole, spec: serviceSpec(whole) } : whole;
}

/** Labels of Helm, and the empty times that the server writes into templates of pods. */
function withoutMarks(tree: JsonObject): JsonObject {
  const entries = Object.entries(tree).filter(([key, value]) => !isMark(key, value ?? null));
  return Object.fromEntries(entries.map(([key, value]) => [key, inner(value ?? null)]));
}

function inner(value: Json): Json {
  if (Array.isArray(value)) return value.map(inner);
  return isJsonObject(value) ? withoutMarks(value) : value;
}

function isMark(key: string, value: Json): boolean {
  if (key === 'helm.sh/chart' || (key === 'creationTimestamp' && value === null)) return true;
  return key === 'app.kubernetes.io/managed-by' && value === 'Helm';
}

/** Addresses and node ports are the cluster's to choose: two resources can't have the same. */
function serviceSpec(service: JsonObject): JsonObject {
  const spec = partOf(service, 'spec');
  const chosen = omit(spec, 'clusterIP', 'clusterIPs', 'ipFamilies', 'healthCheckNodePort');
  const { ports } = spec;
  return {
    ...chosen,
    ...(Array.isArray(ports)
      ? { ports: ports.map((port: Json) => (isJsonObject(port) ? omit(port, 'nodePort') : port)) }
      : {}),
    ...(spec['clusterIP'] === 'None' ? { clusterIP: 'None' } : {}),
  };
}

function groupOf({ apiVersion, kind }: JsonObject): string {
  return gvkOf({ apiVersion: String(apiVersion), kind: String(kind) }).group;
}

/** An empty object where there is none. */
function partOf(tree: JsonObject, key: string): JsonObject {
  const part = tree[key];
  return part !== undefined && isJsonObject(part) ? part : {};
}
