/**
 * What templates cost: `node test/bench/template.ts`. Prints microseconds for one rendering of a manifest of some 30
 * lines with 20 values, and for the same as text through YAML. Nothing is asserted.
 */

import { compileTemplate } from '../../engine/playbook/template.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';

const SOURCE = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{metadata.name}}-{{spec.role}}
  namespace: {{metadata.namespace}}
  labels: {app: "{{metadata.name}}", role: "{{spec.role}}"}
spec:
  replicas: {{spec.size}}
  selector:
    matchLabels: {app: "{{metadata.name}}"}
  template:
    metadata:
      labels: {app: "{{metadata.name}}", role: "{{spec.role}}"}
    spec:
      {{#if spec.account}}
      serviceAccountName: {{spec.account}}
      {{/if}}
      containers:
        - name: {{spec.role}}
          image: "{{spec.image}}:{{spec.version}}"
          resources: {{spec.resources}}
          ports: [{containerPort: {{spec.port}} }]
          env:
            {{#each spec.env}}
            - {name: "{{@key}}", value: "{{this}}"}
            {{/each}}
          readinessProbe:
            tcpSocket: {port: {{spec.port}} }
            periodSeconds: {{default spec.period 10}}
`;

const CONTEXT = {
  metadata: { name: 'orders', namespace: 'shop' },
  spec: {
    role: 'db',
    size: 3,
    account: 'orders',
    image: 'example.com/db',
    version: '1.2.3',
    resources: { limits: { cpu: '1', memory: '1Gi' } },
    port: 5432,
    env: { A: 1, B: 'two', C: true },
  },
};

function microseconds(rounds: number, action: () => unknown): number {
  for (let i = 0; i < rounds / 10; i++) action();
  const start = performance.now();
  for (let i = 0; i < rounds; i++) action();
  return ((performance.now() - start) * 1000) / rounds;
}

const compile = () => compileTemplate({ file: 'bench.yaml.hbs', source: SOURCE, plain: false });
const compiled = compile();
if (compiled.kind === 'refused') throw new Error(JSON.stringify(compiled.problems));
const rendering = compiled.template.render(CONTEXT);
if (rendering.kind !== 'objects') throw new Error(JSON.stringify(rendering));
const figures = {
  'compile, all shapes parsed': microseconds(50, compile),
  render: microseconds(50_000, () => compiled.template.render(CONTEXT)),
  'parse the skeleton as YAML': microseconds(500, () =>
    parseYaml({ file: 'bench', text: SOURCE.replaceAll(/\{\{[#/].*\}\}\n|\{\{|\}\}/g, '') }),
  ),
};
for (const [name, value] of Object.entries(figures)) console.log(`${value.toFixed(1).padStart(10)}  ${name}`);
