import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import { schemaFromOpenApi } from '../../engine/kube/schema-model.ts';
import kinds from '../../schemas/kubernetes-kinds.json' with { type: 'json' };
import { CRD, type Files, load } from './load-builder.ts';

const document: unknown = kinds;

/** What is said of manifests whose kinds have Kubernetes' own schemas. */
function said(files: Files, nouns = ''): readonly string[] {
  const names = Object.keys(files).join(', ');
  const head = '- group: cache.example.com\n  version: v1\n  kind: Memcached\n';
  const all = { 'watches.yaml': `${head}  manifests: [${names}]\n${nouns}`, 'crd.yaml': CRD, ...files };
  const result = load(all, (gvk) => schemaFromOpenApi(document as JsonObject, gvk)); // as: it is JSON
  const problems = result.kind === 'refused' ? result.problems : result.warnings;
  return problems.map(
    ({ file, line, column, code, message, hint }) =>
      `${file}:${line}:${column} ${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

function deployment(spec: string): Files {
  return { 'd.yaml.hbs': `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n${spec}` };
}

const PODS = `  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
      - name: main
        image: "nginx:{{spec.size}}"
        ports: [{name: http, containerPort: 80}]
`;

describe('fields of a manifest', () => {
  it('that the kind has, with values it takes, pass', () => {
    expect(said(deployment(`  replicas: {{spec.size}}\n${PODS}`))).toEqual([]);
  });

  it('that the kind has not are named with the nearest, at any depth, in lists and behind blocks', () => {
    const found = said(
      deployment(
        `  replica: 1\n${PODS}        {{#if spec.image}}\n        imagePullPolice: Always\n        {{/if}}\n`,
      ),
    );
    expect(found).toEqual([
      'd.yaml.hbs:5:3 UnknownField: Deployment has no field replica here (did you mean replicas?)',
      'd.yaml.hbs:15:9 UnknownField: Deployment has no field imagePullPolice here (did you mean imagePullPolicy?)',
    ]);
  });

  it('take vars and helpers of their type', () => {
    const vars = `  vars: {text: 'spec.image & ":1"', flag: spec.size > 3, many: spec.size * 2}\n`;
    const used = '  health: {Ready: vars.flag and vars.many > 1 and vars.text != "a"}\n';
    const replicas = (value: string): readonly string[] =>
      said(deployment(`  replicas: {{${value}}}\n${PODS}`), vars + used).filter((each) =>
        each.includes('FieldType'),
      );
    expect(replicas('vars.text')).toEqual([
      'd.yaml.hbs:5:13 FieldType: Deployment takes an integer here; {{vars.text}} is a string (yield another type)',
    ]);
    expect(replicas('vars.flag')).toHaveLength(1);
    expect(replicas('upper spec.image')).toHaveLength(1);
    expect(replicas('vars.many')).toEqual([]);
    expect(replicas('default spec.size 3')).toEqual([]);
  });

  it('take values of their type: literals, texts with expressions, and paths whose type is known', () => {
    expect(said(deployment(`  replicas: two\n${PODS}`))[0]).toContain(
      '5:13 FieldType: Deployment takes an integer here',
    );
    expect(said(deployment(`  replicas: "{{spec.size}}"\n${PODS}`))).toEqual([
      'd.yaml.hbs:5:14 FieldType: Deployment takes an integer here; {{spec.size}} in quotes is a text (write the expression without quotes)',
    ]);
    expect(said(deployment(`  replicas: {{spec.image}}\n${PODS}`))[0]).toContain(
      '{{spec.image}} is a string',
    );
    const env = `${PODS}        env: [{name: SIZE, value: {{spec.size}} }, {name: N, value: 5}]\n`;
    expect(said(deployment(env))).toEqual([
      'd.yaml.hbs:13:35 FieldType: Deployment takes a string here; {{spec.size}} is an integer (put it in quotes to make a text of it: "{{spec.size}}")',
      'd.yaml.hbs:13:69 FieldType: Deployment takes a string here; 5 (put it in quotes)',
    ]);
    expect(said(deployment(`  replicas: [1]\n${PODS}`))[0]).toContain('FieldType');
    expect(said(deployment(`  paused: {a: b}\n${PODS}`))[0]).toContain('FieldType');
  });

  it('that are not known before they are rendered pass', () => {
    expect(said(deployment(`  replicas: {{default spec.size 1}}\n${PODS}`), '')).toEqual([]);
    const anything = said(
      { 'c.yaml.hbs': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {{vars.all}}\n' },
      '  vars: {all: \'{"a": "b"}\'}\n',
    );
    expect(anything).toEqual([]);
  });

  it('take one of a few words where there are only those', () => {
    expect(said(deployment(PODS.replace('containerPort: 80', 'containerPort: 80, protocol: tcp')))).toEqual([
      'd.yaml.hbs:12:59 FieldValue: tcp is not one of SCTP, TCP, UDP (did you mean TCP?)',
    ]);
  });

  it('that must be there are missed, once no shape of the template has them', () => {
    expect(said(deployment('  replicas: 1\n'))[0]).toBe(
      'd.yaml.hbs:5:3 FieldMissing: Deployment wants selector, template here (add it)',
    );
    const behind = PODS.replace(
      '      - name: main\n',
      '      - tty: true\n        {{#if spec.image}}\n        name: main\n        {{/if}}\n',
    );
    expect(said(deployment(behind))).toEqual([]);
  });
});

describe('pods and who selects them', () => {
  const service = (spec: string): Files => ({
    's.yaml.hbs': `apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n${spec}`,
  });

  it("a workload's selector must match its own pods", () => {
    expect(said(deployment(PODS.replace('{labels: {app: a}}', '{labels: {app: b}}')))).toEqual([
      'd.yaml.hbs:5:33 SelectorMismatch: the selector of this Deployment does not match its pods: they have app: b (give the pods (spec.template.metadata.labels) the same label)',
    ]);
    expect(said(deployment(PODS.replace('{labels: {app: a}}', '{labels: {role: a}}')))[0]).toContain(
      'have no label app',
    );
    expect(said(deployment(PODS.replaceAll('app: a', 'app: "{{metadata.name}}"')))).toEqual([]);
  });

  it('a Service that selects no pod of the playbook is worth a warning', () => {
    const ports = '  ports: [{port: 80}]\n';
    expect(said({ ...deployment(PODS), ...service(`  selector: {app: c}\n${ports}`) })[0]).toContain(
      's.yaml.hbs:5:19 ServiceWithoutPods',
    );
    expect(said({ ...deployment(PODS), ...service(`  selector: {app: a}\n${ports}`) })).toEqual([]);
    expect(said(service(`  selector: {app: c}\n${ports}`))).toEqual([]);
    const budget = `apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app: c}}}\n`;
    expect(said({ ...deployment(PODS), 'b.yaml.hbs': budget })[0]).toContain(
      'b.yaml.hbs:4:57 ServiceWithoutPods',
    );
    // The pods of a Job without labels are nobody's.
    const job = `apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  template: {spec: {restartPolicy: Never, containers: [{name: c, image: a}]}}\n`;
    const beside = said({
      ...deployment(PODS),
      ...service(`  selector: {aap: a}\n${ports}`),
      'j.yaml.hbs': job,
    });
    expect(beside).toEqual([expect.stringContaining('s.yaml.hbs:5:14 ServiceWithoutPods')]);
  });

  it('a name in one place and {{metadata.name}} in another agree for one resource alone', () => {
    const ports = '  ports: [{port: 8080}]\n';
    for (const own of ['"{{metadata.name}}"', '{{metadata.name}}']) {
      const pods = PODS.replace('{labels: {app: a}}', `\n      labels:\n        app: ${own}`);
      const all = pods.replace('{matchLabels: {app: a}}', `\n    matchLabels:\n      app: ${own}`);
      expect(said({ ...deployment(all), ...service(`  selector: {app: a}\n${ports}`) })).toEqual([
        's.yaml.hbs:5:19 ServiceWithoutPods: no pod of this playbook has the labels that this Service selects: they have app: {{metadata.name}} (let the selector and the labels of the pods agree)',
        's.yaml.hbs:6:18 PortNotFound: no container of the pods has the port 8080 (there are http, 80)',
      ]);
      expect(said(deployment(pods))).toEqual([
        'd.yaml.hbs:5:33 SelectorMismatch: the selector of this Deployment does not match its pods: they have app: {{metadata.name}} (give the pods (spec.template.metadata.labels) the same label)',
      ]);
      const same = service(`  selector:\n    app: ${own}\n  ports: [{port: 80}]\n`);
      expect(said({ ...deployment(all), ...same })).toEqual([]);
    }
    const chosen = PODS.replace('labels: {app: a}', 'labels: {app: "{{spec.image}}"}');
    expect(said(deployment(chosen))).toEqual([]);
  });

  it('a Service leads to a port that a container has', () => {
    const to = (port: string) =>
      said({ ...deployment(PODS), ...service(`  selector: {app: a}\n  ports: [${port}]\n`) });
    expect(to('{port: 8080, targetPort: http}')).toEqual([]);
    expect(to('{port: 8080, targetPort: 80}')).toEqual([]);
    expect(to('{port: 8080, targetPort: htp}')).toEqual([
      's.yaml.hbs:6:36 PortNotFound: no container of the pods has the port htp (did you mean http?)',
    ]);
    expect(to('{port: 8080}')[0]).toContain('PortNotFound');
    const open = PODS.replace('containerPort: 80', 'containerPort: "{{spec.size}}"').replace(
      '"{{spec.size}}"',
      '{{spec.size}} ',
    );
    const toOpen = (port: string) =>
      said({ ...deployment(open), ...service(`  selector: {app: a}\n  ports: [${port}]\n`) });
    expect(toOpen('{port: 80, targetPort: htp}')[0]).toContain('PortNotFound');
    expect(toOpen('{port: 8080}')).toEqual([]);
  });
});

describe('vars', () => {
  it('that nothing reads are worth a warning', () => {
    expect(said(deployment(PODS), '  vars: {a: vars.b, b: spec.size}\n')).toEqual([
      'watches.yaml:5:13 UnusedVar: nothing reads the var a (remove it, or read it as vars.a)',
    ]);
  });
});

describe('what a manifest calls its object', () => {
  const named = (metadata: string): Files => ({
    'c.yaml.hbs': `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\n`,
  });

  it('is a name', () => {
    expect(said(named('{labels: {a: b}}'))).toEqual([
      'c.yaml.hbs:3:11 FieldMissing: ConfigMap wants metadata.name here (begin it with {{metadata.name}}, so that each resource has its own)',
    ]);
    expect(said({ 'c.yaml.hbs': 'apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n' })).toEqual([
      expect.stringContaining('c.yaml.hbs:1:1 FieldMissing: ConfigMap wants metadata.name here'),
    ]);
    expect(said(named('\n  {{#if spec.image}}\n  name: a\n  {{else}}\n  name: b\n  {{/if}}'))).toEqual([]);
  });

  it('that Kubernetes takes, as far as it is written out', () => {
    const found = said(named('{name: "My_{{metadata.name}}"}'));
    expect(found).toEqual([
      "c.yaml.hbs:3:19 FieldValue: My_{{metadata.name}} can't be the name of a ConfigMap (names are lower case letters, digits, - and .)",
    ]);
    expect(said(named('{name: "{{lower spec.image}}-{{metadata.name}}"}'))).toEqual([]);
    const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: system:My_role}\n';
    expect(said({ 'r.yaml.hbs': role })).toEqual([]);
  });

  it('in no namespace but its resource’s, unless namespaces says so', () => {
    const file = named('{name: a, namespace: elsewhere}');
    expect(said(file)).toEqual([
      "c.yaml.hbs:3:32 NamespaceNotAllowed: the ConfigMap is refused unless its resource lives in elsewhere, too (remove it: children live in their resource's namespace; or add namespaces: [elsewhere] to the manifest)",
    ]);
    const own = named('{name: a, namespace: "{{metadata.namespace}}"}');
    expect(said(own)).toEqual([]);
  });
});
