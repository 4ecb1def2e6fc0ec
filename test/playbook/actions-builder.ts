/** Builders for the tests of actions: a database with a CRD, a StatefulSet and the files that its steps name. */
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import type { Action, Step } from '../../engine/playbook/action-model.ts';
import type { Expression } from '../../engine/playbook/language.ts';
import { CRD, type Files, firstWatch, problemsOf } from './load-builder.ts';

/** The big example of actions, with `status.primary` beside it; what it takes for granted stands around it in EXAMPLE. */
export const EXAMPLE_NOUNS = `  status:
    version: {initial: spec.version}       # held: written once, before any child is rendered; afterwards only \`set\` changes it
    endpoint: metadata.name & "." & metadata.namespace & ".svc"        # projection: recomputed always, can't be \`set\`
    primary: {initial: '"db-0"'}
  actions:                                 # file order is priority; deletion goes before all
    failover:
      on: {when: "$not($ready(observe.primary))", for: 10s}
      interrupts: [backup, upgrade]
      limit: {times: 3, per: 1h}
      steps:
      - {name: choose, wait: "$count(probes.info[ok]) > 0", timeout: 30s, outputs: {best: "probes.info[ok]^(>value.offset)[0].key"}}
      - {exec: {pod: "{{run.outputs.choose.best}}", command: [redis-cli, replicaof, "no", one]}}
      - {set: {primary: run.outputs.choose.best}}
    backup:
      on: {schedule: "{{optional spec.backup.schedule}}", timeZone: "{{default spec.backup.timeZone 'UTC'}}", request: true}
      params: {type: object, properties: {label: {type: string}}}
      steps: [{name: dump, job: backup-job.yaml.hbs, timeout: 30m, retries: 2}]
      history: 7                           # how many runs are kept, not how many dumps
    upgrade:
      on: {when: "spec.version != status.version ? spec.version"}       # fires once for each distinct value
      vars: {target: spec.version, previous: status.version}            # evaluated once, when the run starts
      steps:
      - {run: backup}
      - {job: migrate-job.yaml.hbs}
      - {set: {version: vars.target}}      # templates read status.version: the image changes only now
      - {wait: $ready(children.database), timeout: 10m, message: waiting for the new version}
      - {commit: true}                     # from here on a failure no longer rolls back
      - {job: drop-old-columns-job.yaml.hbs}
      rollback: [{set: {version: vars.previous}}, {job: undo-migration-job.yaml.hbs}]
    restore:
      on: {request: true}
      params: {type: object, required: [snapshot], properties: {snapshot: {type: string}}}
      steps:
      - {name: stop, vars: {replicas: 0}, wait: "$count(observe.pods) = 0"}
      - {name: load, vars: {replicas: 0}, job: restore-job.yaml.hbs}
    restartAll:
      on: {request: true}
      steps: [{forEach: observe.pods.metadata.name, run: restartOne, params: {pod: "{{item}}"}}]
    finalSnapshot:
      on: {delete: true}
      steps: [{run: backup}]
`;

const REST = `    restartOne:
      params: {type: object, required: [pod], properties: {pod: {type: string}}}
      steps:
      - {delete: {apiVersion: v1, kind: Pod, name: "{{run.params.pod}}"}}
      - {wait: $ready(children.database)}
  vars: {replicas: spec.size}
  manifests: [{id: database, file: database.yaml.hbs}]
  observe:
    primary: {apiVersion: v1, kind: Pod, name: "{{status.primary}}"}
    pods: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: "{{metadata.name}}"}}}
    login: {apiVersion: v1, kind: Secret, name: "{{metadata.name}}-login"}
  probes:
    info:
      forEach: observe.pods.metadata.name
      key: item
      exec: {pod: "{{item}}", command: [redis-cli, info]}
      every: 5s
      timeout: 2s
      parse: json
    alive: {http: {url: "http://{{metadata.name}}:80/healthz"}}
`;

export const DATABASE = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{metadata.name}}
spec:
  replicas: {{vars.replicas}}
`;

/** A Job that runs `echo` with an argument. */
export function job(argument = 'done', more = ''): string {
  return `apiVersion: batch/v1
kind: Job
spec:
${more}  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox, command: [echo, "${argument}"]}
`;
}

export const CRD_WITH_BACKUP = CRD.replace(
  'backup: {type: object, properties: {schedule: {type: string}}}',
  'version: {type: string}\n              backup: {type: object, properties: {schedule: {type: string}, timeZone: {type: string}}}',
).replace(
  'endpoint: {type: string}',
  'endpoint: {type: string}\n              version: {type: string}\n              primary: {type: string}',
);

const FILES: Files = {
  'crd.yaml': CRD_WITH_BACKUP,
  'database.yaml.hbs': DATABASE,
  'backup-job.yaml.hbs': job('{{default run.params.label run.name}}'),
  'migrate-job.yaml.hbs': job('{{vars.target}}'),
  'drop-old-columns-job.yaml.hbs': job(),
  'undo-migration-job.yaml.hbs': job('{{run.failed.step}}'),
  'restore-job.yaml.hbs': job('{{run.params.snapshot}}'),
};

const HEAD = '- group: cache.example.com\n  version: v1\n  kind: Memcached\n';

/** The big example as a playbook. */
export const EXAMPLE: Files = { ...FILES, 'watches.yaml': HEAD + EXAMPLE_NOUNS + REST };

/** A watch with a StatefulSet `database`, held and computed status, probes, a var, and these actions (indented by four). */
export function withActions(actions: string, files: Files = {}, more = ''): Files {
  const nouns = `  status: {version: {initial: spec.version}, primary: {initial: '"db-0"'}, endpoint: metadata.name}
  vars: {replicas: spec.size, wanted: spec.version}
  manifests: [{id: database, file: database.yaml.hbs}]
  observe:
    pods: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: "{{metadata.name}}"}}}
    login: {apiVersion: v1, kind: Secret, name: "{{metadata.name}}-login"}
  probes:
    info: {forEach: observe.pods.metadata.name, exec: {pod: "{{item}}", command: [info]}, parse: json}
    alive: {http: {url: "http://{{metadata.name}}:80/healthz"}}
`;
  const base = { 'crd.yaml': CRD_WITH_BACKUP, 'database.yaml.hbs': DATABASE };
  return { ...base, 'watches.yaml': `${HEAD}${nouns}${more}  actions:\n${actions}`, ...files };
}

/** One requested action with these steps, as a flow list. */
export function withSteps(steps: string, files: Files = {}, keys = ''): Files {
  return withActions(`    a: {on: {request: true}, ${keys}steps: ${steps}}\n`, files);
}

/** What is said about a playbook: `CODE: message (hint)`, but for kinds without a schema here. */
export function said(files: Files): readonly string[] {
  return problemsOf(files)
    .filter(({ code }) => code !== 'PathsNotChecked')
    .map(({ code, message, hint }) => `${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
}

export function codes(files: Files): readonly string[] {
  return problemsOf(files)
    .map(({ code }) => code)
    .filter((code) => code !== 'PathsNotChecked');
}

export function actionOf(files: Files, name = 'a'): Action {
  const found = firstWatch(files).actions.find((action) => action.name === name);
  if (found === undefined)
    throw new Error(`no action ${name}: ${problemsOf(files).map(formatDiagnostic).join('\n')}`);
  return found;
}

/** The step by its name, of the given kind. */
export function stepOf<Kind extends Step['kind']>(
  action: Action,
  name: string,
  kind: Kind,
): Extract<Step, { kind: Kind }> {
  const found = [...action.steps, ...action.rollback].find((step) => step.name === name);
  if (found === undefined || !isKind(found, kind)) throw new Error(`no ${kind} step ${name}`);
  return found;
}

function isKind<Kind extends Step['kind']>(step: Step, kind: Kind): step is Extract<Step, { kind: Kind }> {
  return step.kind === kind;
}

export function sources(named: readonly { readonly name: string; readonly expression: Expression }[]) {
  return Object.fromEntries(named.map(({ name, expression }) => [name, expression.source]));
}
