/** Ports that probes and Ingresses name, and volumes that mounts name. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../engine/kube/object.ts';
import { schemaFromOpenApi } from '../../engine/kube/schema-model.ts';
import kinds from '../../schemas/kubernetes-kinds.json' with { type: 'json' };
import { CRD, type Files, load } from './load-builder.ts';

const document: unknown = kinds;

function said(files: Files, entries: readonly string[] = Object.keys(files)): readonly string[] {
  const head = '- group: cache.example.com\n  version: v1\n  kind: Memcached\n';
  const all = {
    'watches.yaml': `${head}  manifests: [${entries.join(', ')}]\n`,
    'crd.yaml': CRD,
    ...files,
  };
  const result = load(all, (gvk) => schemaFromOpenApi(document as JsonObject, gvk)); // as: it is JSON
  const problems = result.kind === 'refused' ? result.problems : result.warnings;
  return problems.map(
    ({ file, line, column, code, message, hint }) =>
      `${file}:${line}:${column} ${code}: ${message} (${hint ?? ''})`,
  );
}

function lines(text: string, by: string): string {
  return text.replace(/^(?=.)/gm, by);
}

/** A Deployment whose container and pod say more. */
function deployment(container: string, pod = ''): Files {
  const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
${lines(pod, '      ')}
      containers:
      - name: main
        image: nginx
${lines(container, '        ')}
`;
  return { 'd.yaml.hbs': text };
}

describe('a mount', () => {
  const mount = (name: string): string => `volumeMounts:\n- {name: ${name}, mountPath: /x}\n`;
  const volumes = 'volumes:\n- {name: config, emptyDir: {}}\n- {name: data, emptyDir: {}}';

  it('names a volume of its pod', () => {
    expect(said(deployment(mount('data'), volumes))).toEqual([]);
    expect(said(deployment(mount('dta'), volumes))).toEqual([
      'd.yaml.hbs:16:18 VolumeNotFound: the pod has no volume dta (did you mean data?)',
    ]);
    expect(said(deployment(mount('data')))).toEqual([
      'd.yaml.hbs:14:18 VolumeNotFound: the pod has no volume data (add it to the volumes of the pod)',
    ]);
    expect(said(deployment('volumeDevices: [{name: raw, devicePath: /dev/x}]'))[0]).toContain(
      'has no volume raw',
    );
    const initial = `initContainers: [{name: i, image: a, volumeMounts: [{name: scratch, mountPath: /x}]}]`;
    expect(said(deployment('', initial))[0]).toContain('has no volume scratch');
  });

  it('may name one that stands behind a block, in whatever shape', () => {
    const behind = 'volumes:\n{{#if spec.image}}\n- {name: data, emptyDir: {}}\n{{/if}}';
    expect(said(deployment(mount('data'), behind))).toEqual([]);
    expect(said(deployment(`{{#unless spec.image}}\n${mount('dta')}{{/unless}}`, behind))).toEqual([
      'd.yaml.hbs:18:18 VolumeNotFound: the pod has no volume dta (did you mean data?)',
    ]);
  });

  it('is left alone where names are not known before they are rendered', () => {
    const each = 'volumes:\n{{#each spec.names}}\n- {name: "{{this}}", emptyDir: {}}\n{{/each}}';
    expect(said(deployment(mount('data'), each))).toEqual([]);
    expect(said(deployment(mount('"{{metadata.name}}-data"'), volumes))).toEqual([]);
    expect(said(deployment(mount('data'), 'volumes: {{spec.options.volumes}}'))).toEqual([]);
    expect(said(deployment('volumeMounts: {{spec.options.mounts}}', volumes))).toEqual([]);
  });

  it('is left alone in a Patch, which says a part of what there is', () => {
    expect(said(deployment(mount('data')), ['{file: d.yaml.hbs, policy: Patch}'])).toEqual([]);
  });

  it('may name a claim that a StatefulSet makes', () => {
    const set = (name: string): Files => ({
      's.yaml': `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: s
  selector: {matchLabels: {app: a}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}]
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: c, image: a, volumeMounts: [{name: ${name}, mountPath: /x}]}]}
`,
    });
    expect(said(set('data'))).toEqual([]);
    expect(said(set('date'))).toEqual([
      's.yaml:10:67 VolumeNotFound: the pod has no volume date (did you mean data?)',
    ]);
  });
});

describe('a probe of a container', () => {
  const ports = 'ports: [{name: http, containerPort: 80}]\n';
  const probe = (port: string, kind = 'httpGet'): string => `readinessProbe: {${kind}: {port: ${port}}}\n`;

  it('names a port of its container', () => {
    expect(said(deployment(ports + probe('http')))).toEqual([]);
    expect(said(deployment(ports + probe('htp')))).toEqual([
      'd.yaml.hbs:14:42 PortNotFound: the container has no port named htp (did you mean http?)',
    ]);
    expect(said(deployment(ports + probe('admin', 'tcpSocket')))[0]).toContain('no port named admin');
    expect(said(deployment(probe('http')))[0]).toContain('PortNotFound');
    expect(said(deployment(`${ports}lifecycle: {preStop: {httpGet: {port: htp}}}`))[0]).toContain(
      'no port named htp',
    );
  });

  it('names none of another container', () => {
    const other = `${probe('web')}${ports}`.replace(
      /$/,
      '- {name: b, image: a, ports: [{name: web, containerPort: 81}]}',
    );
    const files = deployment(other);
    const text = files['d.yaml.hbs']?.replace('        - {name: b', '      - {name: b') ?? '';
    expect(said({ 'd.yaml.hbs': text })).toEqual([
      expect.stringContaining('the container has no port named web (there is http)'),
    ]);
  });

  it('may name any number', () => {
    expect(said(deployment(ports + probe('8080')))).toEqual([]);
    expect(said(deployment(ports + probe('"8080"')))).toEqual([]);
    expect(said(deployment('livenessProbe: {grpc: {port: 9}}'))).toEqual([]);
  });

  it('is left alone where a block or an expression may name the port', () => {
    const behind = '{{#if spec.image}}\nports: [{name: http, containerPort: 80}]\n{{/if}}\n';
    expect(said(deployment(behind + probe('http')))).toEqual([]);
    expect(
      said(deployment(`ports: [{name: "{{spec.image}}", containerPort: 80}]\n${probe('http')}`)),
    ).toEqual([]);
    expect(said(deployment(ports + probe('"{{spec.image}}"')))).toEqual([]);
    expect(said(deployment(`ports: {{spec.options.ports}}\n${probe('http')}`))).toEqual([]);
  });
});

describe('an Ingress', () => {
  const NAME = '"{{metadata.name}}-web"';
  const service = (ports: string, { name = NAME, more = '' } = {}): Files => ({
    's.yaml.hbs': `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${more}spec: {ports: ${ports}}\n`,
  });
  const ingress = (port: string, { name = NAME, more = '' } = {}): Files => ({
    'i.yaml.hbs': `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: i
${more}spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: ${name}, port: ${port}}}
`,
  });
  const PORTS = '[{name: http, port: 80}, {name: admin, port: 81}]';

  it('leads to a port of the Service that the playbook writes under that name', () => {
    expect(said({ ...service(PORTS), ...ingress('{name: http}') })).toEqual([]);
    expect(said({ ...service(PORTS), ...ingress('{number: 81}') })).toEqual([]);
    expect(said({ ...service(PORTS), ...ingress('{name: htp}') })).toEqual([
      'i.yaml.hbs:11:73 PortNotFound: the Service has no port htp (did you mean http?)',
    ]);
    expect(said({ ...service(PORTS), ...ingress('{number: 8080}') })[0]).toContain('there are 80, 81');
    expect(said({ ...service('[{port: 80}]'), ...ingress('{name: http}') })).toHaveLength(1);
    const other = ingress('{name: htp}')['i.yaml.hbs']?.replace(
      / {2}rules:[\s\S]*/,
      `  defaultBackend: {service: {name: ${NAME}, port: {number: 1}}}\n`,
    );
    expect(said({ ...service(PORTS), 'i.yaml.hbs': other ?? '' })).toHaveLength(1);
  });

  it('may name the Service in another way that is the same', () => {
    const fast = { name: '"{{metadata.name}}"' };
    const plain = { name: '{{ @root.metadata.name }} ' };
    expect(said({ ...service(PORTS, fast), ...ingress('{name: htp}', plain) })).toHaveLength(1);
    const literal = { name: 'web' };
    expect(said({ ...service(PORTS, literal), ...ingress('{name: htp}', literal) })).toHaveLength(1);
  });

  it('is left alone where the Service, its name or its ports are not known', () => {
    const silent = (...files: readonly Files[]): void =>
      expect(said(Object.assign({}, ...files))).toEqual([]);
    silent(ingress('{name: htp}'));
    silent(service(PORTS, { name: 'other' }), ingress('{name: htp}'));
    silent(service(PORTS), ingress('{name: "{{spec.image}}"}'));
    silent(service('[{name: "{{spec.image}}", port: 80}]'), ingress('{name: htp}'));
    silent(service('{{spec.options}} '), ingress('{name: htp}'));
    silent(
      service('[{{#if spec.image}}{name: htp, port: 80},{{/if}} {name: http, port: 81}]'),
      ingress('{name: htp}'),
    );
    const upper = { name: '"{{upper metadata.name}}"' };
    silent(service(PORTS, upper), ingress('{name: htp}', upper));
    const away = { more: '  namespace: other\n' };
    const files = { ...service(PORTS, away), ...ingress('{name: htp}') };
    expect(said(files).filter((each) => each.includes('PortNotFound'))).toEqual([]);
  });

  it('is left alone where one of the two is in another namespace, or a part', () => {
    const files = { ...service(PORTS), ...ingress('{name: htp}') };
    const ports = (entries: readonly string[]): readonly string[] =>
      said(files, entries).filter((each) => each.includes('PortNotFound'));
    expect(ports(['{file: s.yaml.hbs, namespace: web, namespaces: Any}', 'i.yaml.hbs'])).toEqual([]);
    expect(ports(['s.yaml.hbs', '{file: i.yaml.hbs, namespace: web, namespaces: Any}'])).toEqual([]);
    expect(ports(['{file: s.yaml.hbs, policy: Patch}', 'i.yaml.hbs'])).toEqual([]);
    expect(ports(['s.yaml.hbs', 'i.yaml.hbs'])).toHaveLength(1);
  });

  it('means the element by a name within each', () => {
    const paths = ingress('{name: htp}', { name: '"{{metadata.name}}"' })
      ['i.yaml.hbs']?.replace('      - path', '      {{#each spec.options.list}}\n      - path')
      .concat('      {{/each}}\n');
    expect(said({ ...service(PORTS, { name: '"{{metadata.name}}"' }), 'i.yaml.hbs': paths ?? '' })).toEqual(
      [],
    );
  });
});
