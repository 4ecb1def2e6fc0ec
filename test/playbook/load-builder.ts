/** Builders for loader tests: the Memcached example of the design, and small schemas of built-in kinds. */

import type { Diagnostic } from '../../engine/base/diagnostic.ts';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { apiVersionOf, type Json, type JsonObject, type KubeObject } from '../../engine/kube/object.ts';
import type { SchemaLookup } from '../../engine/kube/schema.ts';
import { schemaFromCrd } from '../../engine/kube/schema-model.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import type { Playbook, Watch } from '../../engine/playbook/model.ts';

/** Character for character from the design. */
export const MEMCACHED_WATCHES = `# playbooks/memcached/watches.yaml
- group: cache.example.com
  version: v1
  kind: Memcached
  manifests: [deployment.yaml.hbs, service.yaml.hbs]
  health:
    Ready: children.deployment.status.readyReplicas = spec.size
`;

export const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: memcacheds.cache.example.com
spec:
  group: cache.example.com
  scope: Namespaced
  names: {kind: Memcached, plural: memcacheds}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              image: {type: string}
              names: {type: array, items: {type: string}}
              backup: {type: object, properties: {schedule: {type: string}}}
              options: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              observedGeneration: {type: integer}
              endpoint: {type: string}
              ready: {type: integer}
              conditions:
                type: array
                items:
                  type: object
                  properties:
                    type: {type: string}
                    status: {type: string}
                    reason: {type: string}
                    message: {type: string}
                    lastTransitionTime: {type: string}
                    observedGeneration: {type: integer}
`;

export const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{metadata.name}}
spec:
  replicas: {{spec.size}}
`;

export const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: {{metadata.name}}
spec:
  ports:
  - port: 11211
`;

export const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{metadata.name}}
data: {size: "{{spec.size}}"}
`;

export type Files = Readonly<Record<string, string>>;

export const MEMCACHED: Files = {
  'watches.yaml': MEMCACHED_WATCHES,
  'crd.yaml': CRD,
  'deployment.yaml.hbs': DEPLOYMENT,
  'service.yaml.hbs': SERVICE,
};

/** The Memcached playbook with a watch that says `nouns` (YAML, indented by two) in place of the example's. */
export function memcachedWith(nouns: string, files: Files = {}): Files {
  const head = '- group: cache.example.com\n  version: v1\n  kind: Memcached\n';
  return { 'watches.yaml': head + nouns, 'crd.yaml': CRD, ...files };
}

const WORKLOAD: JsonObject = {
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { replicas: { type: 'integer' }, paused: { type: 'boolean' } } },
    status: {
      type: 'object',
      properties: { readyReplicas: { type: 'integer' }, replicas: { type: 'integer' } },
    },
  },
};

const BUILT_IN: Readonly<Record<string, JsonObject>> = {
  'apps/v1/Deployment': WORKLOAD,
  'apps/v1/StatefulSet': WORKLOAD,
  'v1/Service': {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          clusterIP: { type: 'string' },
          ports: { type: 'array', items: { type: 'object', properties: { port: { type: 'integer' } } } },
        },
      },
      status: { type: 'object', properties: {} },
    },
  },
  'v1/ConfigMap': {
    type: 'object',
    properties: { data: { type: 'object', additionalProperties: { type: 'string' } } },
  },
  'v1/Secret': {
    type: 'object',
    properties: {
      data: { type: 'object', additionalProperties: { type: 'string' } },
      stringData: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
  'v1/Pod': {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { nodeName: { type: 'string' } } },
      status: { type: 'object', properties: { phase: { type: 'string' } } },
    },
  },
  'v1/Namespace': {
    type: 'object',
    properties: { status: { type: 'object', properties: { phase: { type: 'string' } } } },
  },
};

/** Schemas of a few built-in kinds, cut down to what the tests read. */
export const builtIn: SchemaLookup = (gvk) => {
  const schema = BUILT_IN[`${apiVersionOf(gvk)}/${gvk.kind}`];
  return schema === undefined ? undefined : schemaFromCrd(crdAround(schema), 'v1');
};

function crdAround(schema: Json): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: schema } }] },
  };
}

export function load(files: Files, schema: SchemaLookup = builtIn) {
  return loadPlaybook('test', new Map(Object.entries(files)), { schema });
}

/** The playbook, which must load without errors. */
export function loaded(files: Files): Playbook {
  const result = load(files);
  if (result.kind === 'refused') throw new Error(result.problems.map(formatDiagnostic).join('\n'));
  return result.playbook;
}

/** The first watch of a playbook that must load. */
export function firstWatch(files: Files): Watch {
  const [watch] = loaded(files).watches;
  if (watch === undefined) throw new Error('no watch');
  return watch;
}

/** Examples declare what nothing reads, and wait for whatever is at hand. */
const OF_EXAMPLES = ['UnusedVar', 'UnusedObservation', 'UnusedProbe', 'UnusedParam', 'WaitNeverEnds'];

/** Everything said about a playbook, errors and warnings. What examples declare is there to be judged, not to be read. */
export function problemsOf(files: Files): readonly Diagnostic[] {
  const result = load(files);
  const all = result.kind === 'refused' ? result.problems : result.warnings;
  return all.filter(({ code }) => !OF_EXAMPLES.includes(code));
}

/** `file:line:column CODE` of all that is said. */
export function briefly(files: Files): readonly string[] {
  return problemsOf(files).map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);
}

/** The one problem with this code. */
export function theProblem(files: Files, code: string): Diagnostic {
  const all = problemsOf(files);
  const [found, second] = all.filter((each) => each.code === code);
  if (found === undefined || second !== undefined) {
    throw new Error(`not exactly one ${code} among:\n${all.map(formatDiagnostic).join('\n')}`);
  }
  return found;
}
