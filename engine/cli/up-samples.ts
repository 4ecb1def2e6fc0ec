/** The shipped playbooks as a user would install them: a labelled ConfigMap each, then the sample resources. */
import { errorMessage } from '../base/errors.ts';
import type { Cluster } from '../cluster/api.ts';
import { isAlreadyExists } from '../cluster/errors.ts';
import { isObject, type JsonObject, type KubeObject } from '../kube/object.ts';
import type { FolderContent } from '../operator/folder-files.ts';
import { packagePlaybook } from '../operator/package.ts';
import { parseYaml } from '../playbook/yaml.ts';

const FIELD_MANAGER = 'libretto-up';
export const SAMPLE_NAMESPACE = 'default';

export async function ensureNamespace(cluster: Cluster, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  try {
    await cluster.client.create(body, { fieldManager: FIELD_MANAGER });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** What `kubectl create configmap NAME --from-file=FOLDER` and `kubectl label` do. */
export async function installPlaybook(
  cluster: Cluster,
  namespace: string,
  folder: FolderContent,
): Promise<void> {
  for (const body of packagePlaybook(folder, namespace))
    await cluster.client.apply(body, { fieldManager: FIELD_MANAGER, force: true });
}

export type SampleResult =
  | { readonly kind: 'applied'; readonly object: KubeObject }
  | { readonly kind: 'skipped' | 'failed'; readonly what: string; readonly why: string };

/** On a document of a sample: what it needs that no cluster of this machine has. It is applied by hand. */
const NEEDS = 'libretto.dev/sample-needs';

/** Applies each document of a playbook's sample.yaml. */
export async function applySamples(
  cluster: Cluster,
  folder: FolderContent,
): Promise<readonly SampleResult[]> {
  const text = folder.files.get('sample.yaml');
  if (text === undefined) return [];
  return await applyText(cluster, { file: `${folder.name}/sample.yaml`, text, namespace: SAMPLE_NAMESPACE });
}

export interface ResourceText {
  readonly file: string;
  readonly text: string;
  /** For documents that name none. */
  readonly namespace: string;
}

/** Applies each document. */
export async function applyText(
  cluster: Cluster,
  { file, text, namespace }: ResourceText,
): Promise<readonly SampleResult[]> {
  const parsed = parseYaml({ file, text });
  if (parsed.kind === 'refused') {
    return parsed.problems.map((p) => ({ kind: 'failed', what: `${p.file}:${p.line}`, why: p.message }));
  }
  const bodies = parsed.documents.flatMap(({ value }) =>
    isJsonObject(value) ? [inNamespace(value, namespace)] : [],
  );
  return await Promise.all(bodies.map((body) => applySample(cluster, body)));
}

async function applySample(cluster: Cluster, body: JsonObject): Promise<SampleResult> {
  const { name, annotations } = metadataOf(body);
  const needs = isJsonObject(annotations) ? annotations[NEEDS] : undefined;
  if (needs !== undefined)
    return { kind: 'skipped', what: `${body['kind']} ${name}`, why: `it needs ${needs}` };
  try {
    return {
      kind: 'applied',
      object: await cluster.client.apply(body, { fieldManager: FIELD_MANAGER, force: true }),
    };
  } catch (error) {
    return { kind: 'failed', what: String(body['kind']), why: errorMessage(error) };
  }
}

function inNamespace(body: JsonObject, namespace: string): JsonObject {
  return { ...body, metadata: { namespace, ...metadataOf(body) } };
}

function metadataOf(body: JsonObject): JsonObject {
  return isJsonObject(body['metadata']) ? body['metadata'] : {};
}

function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value);
}
