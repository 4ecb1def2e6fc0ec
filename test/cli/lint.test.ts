import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inFolder } from '../../engine/cli/load-folders.ts';
import { libretto } from './libretto.ts';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'libretto-lint-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** An operator with one mistake of each sort. */
const PLANTED = {
  'watches.yaml': `- group: example.com
  version: v1
  kind: Box
  schema:
    spec: {size: {type: integer, default: one}, text: string, ports: {items: {fields: {port: integer}}}}
    status: {endpoint: string}
  vars:
    unused: spec.size
    double: spec.sise * 2
    available: children.deployment.status.conditions[tpye = 'Available'].status
  manifests:
  - deployment.yaml.hbs
  - service.yaml.hbs
  - {file: budget.yaml.hbs, when: vars.double > 1}
  status:
    endpoint: spec.size
  health:
    Ready: children.deployment.status.readyReplica = spec.size
`,
  'deployment.yaml.hbs': `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{metadata.name}}"}
spec:
  replicas: "{{spec.size}}"
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: b}}
    spec:
      containers:
      - name: main
        imagee: nginx
        ports: [{name: http, containerPort: 80}]
`,
  'service.yaml.hbs': `apiVersion: v1
kind: Service
metadata: {name: "{{metadata.name}}"}
spec:
  selector: {app: b}
  ports:
  - {port: 80, targetPort: web}
  {{#each spec.ports}}
  - port: {{prot}}
  {{/each}}
`,
  'budget.yaml.hbs':
    'apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: "{{metadata.name}}"}\n---\napiVersion: v2\nkind: ResourceQuota\nmetadata: {name: "{{metadata.name}}"}\n',
  'left-over.yaml.hbs': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n',
};

describe('libretto lint', () => {
  it('says of a folder that is no playbook what it lacks', async () => {
    const folder = await folderOf({ 'watches.yml': PLANTED['watches.yaml'] });
    const misnamed = await libretto('lint', folder);
    expect(misnamed.code).toBe(2);
    expect(misnamed.err).toContain('rename watches.yml to watches.yaml');
    expect((await libretto('lint', join(folder, 'nowhere'))).err).toContain('there is no folder');
  });

  it('names the files of the folder that it stands in as they are', () => {
    expect(inFolder(resolve('.'), 'watches.yaml')).toBe('watches.yaml');
    expect(inFolder(resolve('box'), 'watches.yaml')).toBe('box/watches.yaml');
  });

  it('finds each planted mistake at its place', async () => {
    const folder = await folderOf(PLANTED);
    const { code, out } = await libretto('lint', folder, '--output', 'json');
    expect(code).toBe(1);
    const found = JSON.parse(out).map(
      (each: { file: string; line: number; column: number; code: string }) =>
        `${each.file.split('/').at(-1)}:${each.line}:${each.column} ${each.code}`,
    );
    expect(found).toEqual([
      'budget.yaml.hbs:2:1 ApiDeprecated',
      'budget.yaml.hbs:6:1 KindUnserved',
      'deployment.yaml.hbs:5:14 FieldType',
      'deployment.yaml.hbs:6:33 SelectorMismatch',
      'deployment.yaml.hbs:12:9 UnknownField',
      'left-over.yaml.hbs:1:1 UnusedFile',
      'service.yaml.hbs:7:28 PortNotFound',
      'service.yaml.hbs:9:13 UnknownPath',
      'watches.yaml:5:43 BadSchema',
      'watches.yaml:8:13 UnusedVar',
      'watches.yaml:9:13 UnknownPath',
      'watches.yaml:10:16 UnusedVar',
      'watches.yaml:10:54 UnknownPath',
      'watches.yaml:16:15 StatusFieldType',
      'watches.yaml:18:12 UnknownPath',
    ]);
  });

  it('warns where the API server would not take sample.yaml as it is written', async () => {
    const folder = await folderOf({
      'watches.yaml':
        '- {group: app.example.com, version: v1, kind: Crate, schema: {spec: {size: {type: integer, required: true}, mode: {type: string, enum: [fast, safe]}}}, status: {endpoint: metadata.name}}\n',
      'sample.yaml':
        'apiVersion: app.example.com/v1\nkind: Crate\nmetadata: {name: one}\nspec:\n  sice: 1\n  mode: fats\n---\n{apiVersion: v1, kind: Secret, metadata: {name: other}, data: 1}\n',
    });
    const { code, out } = await libretto('lint', folder);
    expect(out.split('\n').map((line) => line.replace(/^.*\/sample/, 'sample'))).toEqual([
      'sample.yaml:5:3: warning FieldMissing: Crate wants size here (hint: add it)',
      'sample.yaml:5:3: warning UnknownField: Crate has no field sice here (hint: did you mean size?)',
      'sample.yaml:6:9: warning FieldValue: fats is not one of fast, safe (hint: did you mean fast?)',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('names the kind that was most likely meant', async () => {
    const document = (apiVersion: string, kind: string) =>
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`;
    const folder = await folderOf({
      'watches.yaml':
        '- {group: app.example.com, version: v1, kind: Crate, schema: {spec: {}}, manifests: [a.yaml, b.yaml, c.yaml]}\n',
      'a.yaml': document('apps/v1', 'Deploymnet'),
      'b.yaml': document('app/v1', 'StatefulSet'),
      'c.yaml': document('example.com/v1', 'Other'),
    });
    const { out } = await libretto('lint', folder);
    expect(out).toMatch(/a\.yaml:2:1: .*no Deploymnet as apps\/v1 \(hint: did you mean Deployment\?\)/);
    expect(out).toMatch(/b\.yaml:2:1: .*no StatefulSet as app\/v1 \(hint: write apiVersion: apps\/v1\)/);
    expect(out).not.toContain('c.yaml');
  });

  it('tells what a kind makes incompatible with an earlier version', async () => {
    const watches = (size: string) =>
      `- group: app.example.com\n  version: v1\n  kind: Crate\n  schema: {spec: {size: ${size}}}\n  status: {endpoint: metadata.name}\n`;
    const old = await folderOf({ 'watches.yaml': watches('integer') });
    const now = await folderOf({ 'watches.yaml': watches('{type: integer, max: 3}') });
    const { code, out } = await libretto('lint', now, '--against', old);
    expect(out).toMatch(
      /watches\.yaml:4:19: error LimitTightened: maximum of spec\.size is 3 \(hint: a resource beyond it is refused/,
    );
    expect(code).toBe(1);
    expect(await libretto('lint', old, '--against', now)).toMatchObject({ code: 0, out: '' });
    const broken = await folderOf({ 'watches.yaml': '- kind: Crate\n' });
    expect((await libretto('lint', now, '--against', broken)).code).toBe(2);
  });

  it('tells them as SARIF', async () => {
    const folder = await folderOf(PLANTED);
    const { out } = await libretto('lint', folder, '--output', 'sarif');
    const log = JSON.parse(out);
    expect(log).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'libretto' } } }] });
    expect(log.runs[0].results[3]).toMatchObject({
      ruleId: 'SelectorMismatch',
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: expect.stringMatching(/deployment\.yaml\.hbs$/) },
            region: { startLine: 6, startColumn: 33 },
          },
        },
      ],
    });
  });
});
