/** The example of docs/golden-cases.md holds for the playbook that it speaks of. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import { readCases } from '../../engine/reconcile/case/read.ts';
import { runCase } from '../../engine/reconcile/case/run.ts';

const OPEN = '{type: object, x-kubernetes-preserve-unknown-fields: true}';

const FILES = {
  'crd.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stores.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Store, plural: stores}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: ${OPEN}, status: ${OPEN}}}}
`,
  'watches.yaml': `- group: example.com
  version: v1
  kind: Store
  manifests: [service.yaml.hbs, database.yaml.hbs]
  status: {version: {initial: spec.version}}
  actions:
    upgrade:
      on: {when: "spec.version != status.version ? spec.version"}
      vars: {target: spec.version}
      steps:
      - {run: backup, name: backup}
      - {set: {version: vars.target}}
    backup:
      on: {request: true}
      steps: [{name: dump, job: dump.yaml.hbs}]
`,
  'service.yaml.hbs':
    'apiVersion: v1\nkind: Service\nmetadata: {name: "{{metadata.name}}"}\nspec: {selector: {app: "{{metadata.name}}"}, ports: [{port: 5432}]}\n',
  'database.yaml.hbs': `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "{{metadata.name}}"}
spec:
  replicas: 1
  serviceName: store
  selector: {matchLabels: {app: "{{metadata.name}}"}}
  template:
    metadata: {labels: {app: "{{metadata.name}}"}}
    spec: {containers: [{name: store, image: "store:{{status.version}}", ports: [{containerPort: 5432}]}]}
`,
  'dump.yaml.hbs':
    'apiVersion: batch/v1\nkind: Job\nmetadata: {name: dump}\nspec: {template: {spec: {containers: [{name: dump, image: dump}]}}}\n',
};

test('the documented case passes', async () => {
  const page = await readFile('docs/golden-cases.md', 'utf8');
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const loaded = loadPlaybook('store', new Map(Object.entries(FILES)), { schema: () => undefined });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(formatDiagnostic).join('\n'));
  const reading = readCases('store.case.yaml', example, () => undefined);
  if (reading.kind === 'refused') throw new Error(reading.problems.map(formatDiagnostic).join('\n'));
  const results = await Promise.all(
    reading.cases.map((one) => runCase(one, { playbook: loaded.playbook, schema: () => undefined })),
  );
  expect(results).toMatchObject([
    { kind: 'passed', problems: [], name: 'a backup before each upgrade', file: 'store.case.yaml' },
  ]);
});
