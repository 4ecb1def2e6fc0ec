/** What the bench creates: Trios for the engine, and the very children that a Trio gets for the bare client. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../engine/cluster/api.ts';
import { isObject, type JsonObject, type KubeObject } from '../../engine/kube/object.ts';
import { compileTemplate } from '../../engine/playbook/template.ts';

export const TRIO = { group: 'bench.example.com', version: 'v1', kind: 'Trio' };
export const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' };
export const SERVICE = { group: '', version: 'v1', kind: 'Service' };
export const DEPLOYMENT = { group: 'apps', version: 'v1', kind: 'Deployment' };
export const CHILDREN = [CONFIG_MAP, SERVICE, DEPLOYMENT];
export const WRITE = { fieldManager: 'bench' };
export const GREETING = 'hello';

const FOLDER = join(import.meta.dirname, 'playbook');
const TEMPLATES = ['config.yaml.hbs', 'service.yaml.hbs', 'deployment.yaml.hbs'];
/** Requests on their way at once, as many as the engine has workers. */
const CONCURRENCY = 16;

export function trio(namespace: string, name: string): JsonObject {
  return {
    apiVersion: 'bench.example.com/v1',
    kind: 'Trio',
    metadata: { namespace, name },
    spec: { replicas: 1, image: 'example.com/server:1', greeting: GREETING },
  };
}

/** The playbook's own templates, rendered before any time is taken. */
export function childrenOf(namespace: string, names: readonly string[]): readonly JsonObject[][] {
  const templates = TEMPLATES.map((file) => {
    const source = readFileSync(join(FOLDER, file), 'utf8');
    const compiled = compileTemplate({ file, source, plain: false });
    if (compiled.kind === 'refused') throw new Error(JSON.stringify(compiled.problems));
    return compiled.template;
  });
  return names.map((name) =>
    templates.flatMap((template) => {
      const rendering = template.render(trio(namespace, name));
      if (rendering.kind !== 'objects') throw new Error(JSON.stringify(rendering));
      return rendering.documents.map(({ tree }) => tree);
    }),
  );
}

/** Does `work` for each item, so many at once. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

export async function createNamespace(cluster: Cluster, name: string): Promise<void> {
  await cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, WRITE);
}

export function namesOf(size: number): readonly string[] {
  return Array.from({ length: size }, (_, index) => `trio-${index}`);
}

export function podIsReady(deployment: KubeObject): boolean {
  return isObject(deployment.status) && deployment.status.readyReplicas === 1;
}

export function greets(configMap: KubeObject): boolean {
  const data = configMap.data;
  return isObject(data) && data.greeting === GREETING;
}
