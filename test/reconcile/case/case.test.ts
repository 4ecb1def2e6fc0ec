/** Golden cases: what the world of a case does for actions, and what it refuses to let pass. */
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../../engine/base/diagnostic.ts';
import { loadPlaybook } from '../../../engine/playbook/load.ts';
import type { Playbook } from '../../../engine/playbook/model.ts';
import { readCases } from '../../../engine/reconcile/case/read.ts';
import { runCase } from '../../../engine/reconcile/case/run.ts';

const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: apps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: App, plural: apps}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

const WATCHES = `- group: example.com
  version: v1
  kind: App
  manifests:
  - {file: config.yaml.hbs, onDelete: Orphan}
  - file: web.yaml.hbs
  observe:
    pods: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}
  probes:
    load: {every: 5s, exec: {pod: web-0, command: [load]}, parse: json}
  status:
    version: {initial: spec.version}
  actions:
    upgrade:
      on: {when: "spec.version != status.version ? spec.version"}
      vars: {target: spec.version}
      steps:
      - {name: backup, run: backup}
      - {name: migrate, exec: {pod: "{{metadata.name}}-0", command: [migrate, "{{vars.target}}"]}, retries: 1}
      - {name: switch, set: {version: vars.target}}
      - {name: calm, wait: probes.load.value < 5, timeout: 1m}
      rollback:
      - {name: back, exec: {pod: "{{metadata.name}}-0", command: [undo]}}
    backup:
      on: {request: true}
      steps:
      - {name: dump, job: dump.yaml.hbs, outputs: {file: result.json.file}}
    restart:
      on: {request: true}
      steps:
      - {name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}
      - {name: again, wait: $count(observe.pods) = 1}
    drill:
      on: {request: true}
      steps:
      - {name: kill, delete: {apiVersion: v1, kind: Pod, name: web-0}}
      - {name: answers, wait: probes.load.ok, timeout: 1m}
    ping:
      on: {request: true}
      steps:
      - {name: all, forEach: "['a', 'b']", http: {method: GET, url: "http://{{item}}/"}, outputs: {said: result.body}}
`;

const FILES = {
  'watches.yaml': WATCHES,
  'crd.yaml': CRD,
  'config.yaml.hbs':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {version: "{{status.version}}"}\n',
  'web.yaml.hbs':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}\n',
  'dump.yaml.hbs':
    'apiVersion: batch/v1\nkind: Job\nmetadata: {name: dump}\nspec: {template: {spec: {containers: [{name: dump, image: dump}]}}}\n',
};

function playbook(): Playbook {
  const result = loadPlaybook('app', new Map(Object.entries(FILES)), { schema: () => undefined });
  if (result.kind === 'refused') throw new Error(result.problems.map(formatDiagnostic).join('\n'));
  return result.playbook;
}

const PLAYBOOK = playbook();

const RESOURCE = `resource: {apiVersion: example.com/v1, kind: App, metadata: {name: web}, spec: {version: "1"}}\n`;

/** Everything that the case complains of; empty: it passed. */
async function problemsOf(steps: string): Promise<readonly string[]> {
  const reading = readCases('a.case.yaml', `${RESOURCE}${steps}`, () => undefined);
  if (reading.kind === 'refused') return reading.problems.map(({ message }) => message);
  const [given] = reading.cases;
  if (given === undefined) throw new Error('no case');
  const result = await runCase(given, { playbook: PLAYBOOK, schema: () => undefined });
  return result.kind === 'passed' ? [] : result.problems.map(({ message }) => message);
}

const UPGRADE = `steps:
- change: {ready: all}
  expect: {runs: {upgrade: null}, conditions: {Ready: "False"}}
- change: {ready: all, resource: {spec: {version: "2"}}}
  expect:
    writes: [create ActionRun upgrade, create ActionRun backup, create Job backup/dump]
    jobs: {backup/dump: {spec: {backoffLimit: 0}}}
    runs: {upgrade: {value: "2", step: backup}, backup: {trigger: Step, phase: Running}}
`;

describe('a run in a case', () => {
  test('is there with its Job, which the case ends with what it says', async () => {
    const steps = `${UPGRADE}- change: {answers: {backup/dump: {json: {file: a.tar}}}}
  expect:
    runs: {backup: {phase: Succeeded, outputs: {dump: {file: a.tar}}}, upgrade: {step: migrate}}
    calls: {upgrade/migrate: {pod: web-0, command: [migrate, "2"]}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('waits for ever for a call that the case does not answer', async () => {
    const steps = `${UPGRADE}- change: {ready: [backup/dump]}
  expect: {runs: {backup: Succeeded, upgrade: {phase: Running, step: migrate, message: runs in pod web-0}}}
- change: {seconds: 300}
  expect: {writes: [], runs: {upgrade: {phase: Running, step: migrate}}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('retries, rolls back and fails as its calls are answered', async () => {
    const steps = `${UPGRADE}- change: {ready: [backup/dump], answers: {upgrade/migrate: {exit: 3, stderr: locked}}}
  expect: {runs: {upgrade: {phase: Running, step: migrate, attempt: 1, message: locked}}}
- change: {seconds: 10, answers: {upgrade/migrate: {failed: PodNotFound, message: gone}, upgrade/rollback/back: {}}}
  expect:
    runs: {upgrade: {phase: Failed, failed: {step: migrate, message: gone}, steps: {migrate: Failed, rollback/back: Succeeded}}}
    status: {version: "1"}
    events: [RollingBack, RunFailed]
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('is given probes anew that it waits for, but none that the case does not know', async () => {
    const steps = `${UPGRADE}- change: {ready: [backup/dump], answers: {upgrade/migrate: {}}}
  expect: {runs: {upgrade: {step: calm, message: waits for a new round of load}}, status: {version: "2"}}
- change: {probes: {load: {value: 9}}}
  expect: {runs: {upgrade: {step: calm, message: waits for probes.load.value}}}
- change: {probes: {load: {value: 1}}}
  expect: {runs: {upgrade: Succeeded}}
- change: {ready: [backup/dump], answers: {upgrade/migrate: {}, backup/dump: {}}, resource: {spec: {version: "3"}}}
  expect: {runs: {upgrade: [Succeeded, Succeeded]}}
`;
    const [wrong, ...others] = await problemsOf(steps);
    expect(wrong).toMatch(/there is no child backup\/dump, and no Job of a step backup\/dump/);
    expect(others).toEqual([]);
    expect(await problemsOf(steps.replace(/ready: \[backup.dump\], (?=answers: .*spec)/, ''))).toEqual([]);
  });

  test('deletes what is observed, and sees it come back', async () => {
    const pod = '{apiVersion: v1, kind: Pod, metadata: {name: web-0, labels: {app: web}}}';
    const steps = `steps:
- change: {observe: {pods: [${pod}]}, request: restart}
  expect: {writes: [create ConfigMap web, create Deployment web, delete Pod web-0], runs: {restart: {step: again}}}
- change: {ready: all, observe: {pods: [${pod}]}}
  expect: {runs: {restart: Succeeded}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('hears nothing more of a pod that it deleted, until the case says so', async () => {
    const pod = '{apiVersion: v1, kind: Pod, metadata: {name: web-0, labels: {app: web}}}';
    const steps = `steps:
- change: {observe: {pods: [${pod}]}, probes: {load: {value: 1}}, request: drill}
  expect: {runs: {drill: {step: answers, message: waits for probes.load.ok}}}
- change: {probes: {load: {value: 1}}}
  expect: {runs: {drill: Succeeded}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('asks each item of a list, and is answered in order', async () => {
    const steps = `steps:
- change: {request: ping, answers: {ping/all: [{text: one}, {text: two}]}}
  expect: {runs: {ping: {phase: Succeeded, outputs: {all: [{said: one}, {said: two}]}}}, calls: {ping/all: {url: "http://b/"}}}
`;
    expect(await problemsOf(steps)).toEqual([]);
    const [message] = await problemsOf(steps.replace('{text: one}', '{status: 500}'));
    expect(message).toMatch(/answers has ping\/all, but no Job or call of this step asked for it/);
  });

  test('repeats a call that was under way when the engine ended', async () => {
    const steps = `steps:
- change: {request: ping, answers: {ping/all: [{}]}}
  expect: {runs: {ping: {step: all, attempt: 2}}}
- change: {restart: true}
  expect: {runs: {ping: {phase: Running, step: all, attempt: 3}}}
- change: {answers: {ping/all: {}}}
  expect: {runs: {ping: Succeeded}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });
});

describe('a resource in a case', () => {
  test('goes with what it owns, and leaves its orphans', async () => {
    const steps = `steps:
- change: {ready: always, request: backup, answers: {backup/dump: {}}}
  expect: {runs: {backup: Succeeded}}
- change: {delete: true}
  expect: {gone: true, runs: {backup: null}, objects: {Deployment web: null, ConfigMap web: {data: {version: "1"}}}}
- change: {create: true}
  expect: {gone: false, children: {config: {metadata: {annotations: {libretto.dev/orphaned-from: null}}}}}
`;
    expect(await problemsOf(steps)).toEqual([]);
  });

  test('that is gone cannot be changed', async () => {
    const steps = `steps:
- change: {delete: true}
  expect: {gone: true}
- change: {resource: {spec: {version: "2"}}, request: backup}
  expect: {}
`;
    expect(await problemsOf(steps)).toEqual([
      'a, step 2: the resource is gone',
      'a, step 2: the resource is gone, and no action can be requested',
    ]);
  });
});

describe('a case complains of', () => {
  test('names that mean nothing', async () => {
    const steps = `probes: {laod: {}}
observe: {pod: []}
steps:
- change: {runs: {backup: null}}
  expect: {}
`;
    expect(await problemsOf(steps)).toEqual([
      'a: the playbook has no observe pod; there are pods',
      'a: the playbook has no probe laod; there are load',
    ]);
  });

  test('keys that it does not have', async () => {
    expect(await problemsOf('expect: {run: {backup: Succeeded}}\n')).toEqual([expect.stringMatching(/run/)]);
    expect(await problemsOf('steps:\n- change: {answers: {backup: {}}}\n  expect: {}\n')).not.toEqual([]);
    expect(await problemsOf('expect: {runs: {backup: Suceeded}}\n')).not.toEqual([]);
  });

  test('the first step that goes wrong alone, with where the run stands', async () => {
    const steps = `${UPGRADE}- expect: {runs: {upgrade: Succeeded}, gone: true, calls: {upgrade/migrate: {}}}
- expect: {runs: {upgrade: Failed}}
`;
    expect(await problemsOf(steps)).toEqual([
      expect.stringMatching(
        /step 3: runs.upgrade.phase is "Running", and should be "Succeeded" \(it is at backup: /,
      ),
      'a, step 3: call of step upgrade/migrate is missing',
      'a, step 3: the resource is there, and should be gone',
    ]);
  });
});
