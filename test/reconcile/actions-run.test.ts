/** How one run goes: steps, attempts, vars, outputs, rollback, and what a person may do about it. */
import { describe, expect, test } from 'vitest';
import { ActionWorld } from './actions-kit.ts';
import { configMap, watchOf } from './kit.ts';

const JOB = `apiVersion: batch/v1
kind: Job
metadata: {name: x}
spec: {template: {spec: {containers: [{name: main, image: "a:1"}]}}}
`;

const CALL = 'http: {method: POST, url: "http://app/"}';

/** A watch with a ConfigMap that shows `vars.replicas`, and these actions, indented by two. */
function world(actions: string, spec = {}, more = ''): ActionWorld {
  const nouns = `status: {version: {initial: spec.version}}
vars: {replicas: spec.size}
manifests: [main.yaml.hbs]
${more}actions:
${actions}`;
  const files = {
    'main.yaml.hbs': configMap('main', 'replicas: "{{vars.replicas}}"\nversion: "{{status.version}}"'),
    'job.yaml.hbs': JOB,
  };
  const used = actions.includes('job.yaml.hbs') ? files : { 'main.yaml.hbs': files['main.yaml.hbs'] };
  return new ActionWorld(watchOf(nouns, used), { size: 3, version: '1', ...spec });
}

function shown(at: ActionWorld, key: string): unknown {
  return (at.get('ConfigMap', 'main').data as Record<string, unknown>)[key];
}

async function begun(actions: string, spec = {}, more = ''): Promise<ActionWorld> {
  const at = world(actions, spec, more);
  await at.turn();
  at.request('r', 'a');
  await at.turn();
  return at;
}

describe('steps', () => {
  test('go one after another, each with its attempt, and the outputs of one are read by the next', async () => {
    const at = await begun(`  a:
    on: {request: true}
    steps:
    - {name: ask, ${CALL}, outputs: {id: result.json.id}}
    - {set: {version: $string(run.outputs.ask.id)}}
`);
    expect(at.status('r')).toMatchObject({ phase: 'Running', step: 'ask', attempt: 1 });
    await at.answer({ status: 200, body: '{"id": 10501334649042878790}' });
    expect(at.status('r')).toMatchObject({
      phase: 'Succeeded',
      outputs: { ask: { id: '10501334649042878790' } },
    });
    expect([at.held('version'), shown(at, 'version')]).toEqual([
      '10501334649042878790',
      '10501334649042878790',
    ]);
    expect(at.steps('r')).toEqual(['ask Succeeded', 'set Succeeded']);
  });

  test('intent is written before the call begins', async () => {
    const at = world(`  a: {on: {request: true}, steps: [{name: ask, ${CALL}}]}\n`);
    await at.turn();
    at.request('r', 'a');
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) {
      await at.step(at.watch);
      seen.push(`${at.phase('r')} ${at.called.length}`);
    }
    expect(seen.indexOf('Running 0')).toBeGreaterThanOrEqual(0);
    expect(seen.indexOf('Running 0')).toBeLessThan(seen.indexOf('Running 1'));
  });

  test('when and unless skip a step', async () => {
    const at = await begun(`  a:
    on: {request: true}
    steps:
    - {name: never, when: spec.size = 4, ${CALL}}
    - {name: done, unless: spec.size = 3, ${CALL}}
`);
    expect(at.steps('r')).toEqual(['never Skipped', 'done Skipped']);
    expect(at.called).toEqual([]);
  });

  test('a failed attempt is tried again after a while, as often as retries say', async () => {
    const at = await begun(`  a: {on: {request: true}, steps: [{name: ask, ${CALL}, retries: 1}]}\n`);
    await at.answer({ status: 500, body: 'no' });
    expect([at.phase('r'), at.called.length]).toEqual(['Running', 1]);
    await at.after(60);
    expect(at.called.length).toBe(2);
    await at.answer({ status: 500, body: 'no' });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'UnexpectedStatus' });
    expect(at.status('r').message).toContain('500: no');
  });

  test('forEach freezes its list, goes on item by item, and its outputs are a list', async () => {
    const at = await begun(
      `  a:
    on: {request: true}
    steps: [{name: each, forEach: spec.names, ${CALL}, outputs: {of: item}}]
`,
      { names: ['x', 'y'] },
    );
    expect(at.called.length).toBe(1);
    at.setSpec({ size: 3, version: '1', names: ['z'] });
    await at.answer({ status: 200 });
    await at.answer({ status: 200 });
    expect(at.status('r')).toMatchObject({
      phase: 'Succeeded',
      outputs: { each: [{ of: 'x' }, { of: 'y' }] },
    });
  });

  test('forEach fails with its first failure', async () => {
    const at = await begun(
      `  a: {on: {request: true}, steps: [{name: each, forEach: spec.names, ${CALL}}]}\n`,
      { names: ['x', 'y'] },
    );
    await at.answer({ status: 500 });
    expect([at.phase('r'), at.called.length]).toEqual(['Failed', 1]);
  });

  test('outputs of more than 4 KiB are refused', async () => {
    const at = await begun(
      `  a: {on: {request: true}, steps: [{name: ask, ${CALL}, outputs: {all: result.body}}]}\n`,
    );
    await at.answer({ status: 200, body: 'x'.repeat(5000) });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'OutputTooLarge' });
  });

  test('secret outputs stand in a Secret that the run owns, and nowhere else', async () => {
    const at = await begun(`  a:
    on: {request: true}
    steps:
    - {name: ask, ${CALL}, outputs: {token: {value: result.body, secret: true}}}
    - {name: use, http: {method: POST, url: "http://app/", body: "{{run.outputs.ask.token}}"}}
`);
    await at.answer({ status: 200, body: 'S3CRET' });
    const [secret] = [...at.objects.values()].filter(({ kind }) => kind === 'Secret');
    expect(secret?.metadata.ownerReferences).toMatchObject([{ kind: 'ActionRun', uid: 'run-0' }]);
    expect(JSON.stringify(secret?.data)).toContain(Buffer.from('"S3CRET"').toString('base64'));
    expect(at.called.at(-1)).toMatchObject({ body: 'S3CRET' });
    const told = JSON.stringify([at.run('r'), at.resource, at.events]);
    expect(told).not.toContain('S3CRET');
    expect(told).not.toContain(Buffer.from('"S3CRET"').toString('base64'));
  });

  test('a secret is said neither by the step that reads it nor by one that is given it, when they fail', async () => {
    const at = await begun(`  a:
    on: {request: true}
    steps:
    - {name: ask, ${CALL}, retries: 1, outputs: {token: {value: result.body, secret: true}}}
    - {name: use, http: {method: POST, url: "http://app/", body: "{{run.outputs.ask.token}}"}}
`);
    await at.answer({ status: 500, body: 'no more than S3CRET' });
    expect(at.status('r')).toMatchObject({ steps: [{ message: 'the answer has status 500' }] });
    await at.after(60);
    await at.answer({ status: 200, body: 'S3CRET' });
    await at.answer({ status: 403, body: 'S3CRET is out of date' });
    expect(at.status('r').message).toContain('*** is out of date');
    expect(JSON.stringify([at.run('r'), at.resource, at.events])).not.toContain('S3CRET');
  });

  test('a wait is judged only when what the manifests say is applied', async () => {
    const at = await begun(`  a:
    on: {request: true}
    steps:
    - {name: ask, ${CALL}}
    - {name: stop, vars: {replicas: 0}, wait: 'children.main.data.replicas != "9"'}
    - {name: more, ${CALL}}
`);
    at.outcomes[at.effects[0]?.key ?? ''] = {
      kind: 'http',
      status: 200,
      headers: {},
      body: '',
      truncated: false,
      finishedAt: at.now,
    };
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      const before = at.steps('r');
      await at.step(at.watch);
      if (before.includes('stop Running') && at.steps('r').includes('stop Succeeded'))
        seen.push(String(shown(at, 'replicas')));
    }
    expect(seen).toEqual(['0']);
    expect(shown(at, 'replicas')).toBe('3');
  });

  test('a wait that takes too long fails with its message', async () => {
    const at = await begun(
      `  a: {on: {request: true}, steps: [{name: stop, wait: spec.size = 4, timeout: 10s, message: waiting for four}]}\n`,
    );
    expect(at.status('r')).toMatchObject({ phase: 'Running' });
    await at.after(11);
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'TimedOut' });
    expect(at.status('r').message).toContain('waiting for four');
  });

  test('probes that a step names are asked anew after it began', async () => {
    const at = world(
      `  a: {on: {request: true}, steps: [{name: stop, wait: probes.up.ok}]}\n`,
      {},
      `probes: {up: {http: {url: "http://app/"}}}\n`,
    );
    at.probes = { up: { ok: true, value: 'x', at: new Date(at.now).toISOString() } };
    at.probedAt = { up: at.now };
    await at.turn();
    expect(at.needs).toEqual([]);
    at.request('r', 'a');
    await at.turn();
    expect(at.phase('r')).toBe('Running');
    expect(at.needs).toMatchObject([
      { name: 'up', list: false, calls: [{ call: { kind: 'http' } }], after: at.now },
    ]);
    at.now += 5;
    at.probedAt = { up: at.now };
    await at.turn();
    expect(at.phase('r')).toBe('Succeeded');
    expect(at.needs).toEqual([]);
  });

  test('a delete step keeps the very objects that it means, and what came in their place lives', async () => {
    const at = world(
      `  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}}}]}\n`,
    );
    const labels = { app: 'web' };
    const pod = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', labels },
    });
    at.put(pod('p0'));
    at.put(pod('p1'));
    await at.turn();
    at.lingering = true;
    at.request('r', 'a');
    await at.turn();
    const targets = (at.status('r').steps as { targets: { uid: string }[] }[])[0]?.targets ?? [];
    expect(targets.length).toBe(2);
    expect(at.get('Pod', 'p0').metadata.deletionTimestamp).toBeDefined();
    at.remove('Pod', 'p0');
    at.remove('Pod', 'p1');
    at.put(pod('p0'));
    await at.turn();
    expect(at.phase('r')).toBe('Succeeded');
    expect(at.get('Pod', 'p0').metadata.deletionTimestamp).toBeUndefined();
  });

  test('a random target is drawn once, the same after a crash', async () => {
    const at = world(
      `  a: {on: {request: true}, steps: [{name: kill, delete: {apiVersion: v1, kind: Pod, selector: {matchLabels: {app: web}}, random: 1}}]}\n`,
    );
    for (const name of ['p0', 'p1', 'p2'])
      at.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'shop', labels: { app: 'web' } },
      });
    await at.turn();
    at.request('r', 'a');
    await at.step(at.watch);
    await at.step(at.watch);
    at.restart();
    await at.turn();
    expect(at.names('Pod').length).toBe(2);
  });
});

describe('a job step', () => {
  const steps = (more = '') =>
    `  a: {on: {request: true}, steps: [{name: dump, job: job.yaml.hbs${more}, outputs: {said: result.json.size}}]}\n`;

  test('makes one Job with the marks of its attempt, and reads the last words of its pod', async () => {
    const at = await begun(steps());
    expect(at.jobs).toMatchObject([
      {
        metadata: {
          labels: {
            'libretto.dev/run-uid': 'run-0',
            'libretto.dev/run-step': 'dump',
            'libretto.dev/run-attempt': '1',
          },
          ownerReferences: [{ kind: 'ActionRun', uid: 'run-0' }],
        },
        spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } },
      },
    ]);
    await at.endJob('Complete', '{"size": 7}');
    expect(at.status('r')).toMatchObject({ phase: 'Succeeded', outputs: { dump: { said: 7 } } });
  });

  test('that fails tells why, and another attempt begins when the Job of this one is gone', async () => {
    const at = await begun(steps(', retries: 1'));
    at.lingering = true;
    await at.endJob('Failed', 'disk full');
    await at.after(600);
    expect(at.jobs.map(({ metadata }) => metadata.deletionTimestamp !== undefined)).toEqual([true]);
    expect(JSON.stringify(at.status('r'))).toContain('disk full');
    at.vanish(...[...at.objects.values()].filter(({ kind }) => kind !== 'ConfigMap'));
    await at.turn();
    expect(at.jobs.map(({ metadata }) => metadata.labels?.['libretto.dev/run-attempt'])).toEqual(['2']);
    await at.endJob('Failed', 'disk full');
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'JobFailed' });
    expect(at.status('r').message).toContain('disk full');
  });

  test('whose Job vanished has failed; it is not made again in secret', async () => {
    const at = await begun(steps());
    at.vanish(...at.jobs);
    await at.turn();
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'JobVanished' });
    expect(at.jobs).toEqual([]);
  });

  test('that never ends is ended by its timeout', async () => {
    const at = await begun(steps(', timeout: 1m'));
    await at.after(61);
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'TimedOut' });
    expect(at.jobs).toEqual([]);
  });

  test('goes on with the same Job after a crash of the engine', async () => {
    const at = await begun(steps());
    const [job] = at.jobs;
    at.restart();
    await at.turn();
    expect(at.jobs.map(({ metadata }) => metadata.uid)).toEqual([job?.metadata.uid]);
    await at.endJob('Complete');
    expect(at.steps('r')).toEqual(['dump Succeeded']);
  });
});

describe('a call under way', () => {
  test('is made once more after a crash, as another attempt, and says so', async () => {
    const at = await begun(`  a: {on: {request: true}, steps: [{name: ask, ${CALL}}]}\n`);
    at.restart();
    await at.turn();
    expect(at.called.length).toBe(2);
    expect(at.status('r')).toMatchObject({ attempt: 2 });
    await at.answer({ status: 200 });
    expect(at.steps('r')).toEqual(['ask Succeeded']);
  });

  test('is not made again where unless says that it was done', async () => {
    const at = await begun(
      `  a: {on: {request: true}, steps: [{name: ask, unless: observed.done = true, ${CALL}}]}\n`.replace(
        'observed.done = true',
        'spec.done = true',
      ),
    );
    at.setSpec({ size: 3, version: '1', done: true });
    at.restart();
    await at.turn();
    expect([at.called.length, at.steps('r')]).toEqual([1, ['ask Skipped']]);
  });
});

describe('vars of a run', () => {
  const actions = `  a:
    on: {request: true}
    vars: {replicas: vars.replicas - 1}
    steps:
    - {name: stop, vars: {replicas: 0}, ${CALL}}
    - {name: more, ${CALL}}
`;

  test('shadow the watch’s, the step’s before the run’s, and end with the run', async () => {
    const at = await begun(actions);
    expect(shown(at, 'replicas')).toBe('0');
    await at.answer({ status: 200 });
    expect(shown(at, 'replicas')).toBe('2');
    await at.answer({ status: 200 });
    expect([at.phase('r'), shown(at, 'replicas')]).toEqual(['Succeeded', '3']);
  });

  test('are evaluated once, when the run starts', async () => {
    const at = await begun(actions);
    await at.answer({ status: 200 });
    at.setSpec({ size: 9, version: '1' });
    await at.turn();
    expect(shown(at, 'replicas')).toBe('2');
  });

  test('of a failed run are kept with the lock, until a retry from the failed step', async () => {
    const at = await begun(actions);
    await at.answer({ status: 500 });
    expect([at.phase('r'), shown(at, 'replicas')]).toEqual(['Failed', '0']);
    expect(at.condition('Stalled')).toMatchObject({ status: 'True', reason: 'ActionFailed' });
    await at.after(3600);
    expect(shown(at, 'replicas')).toBe('0');
    at.steer('r', { retry: 1 });
    await at.turn();
    expect([at.phase('r'), at.status('r').step, at.called.length]).toEqual(['Running', 'stop', 2]);
    await at.answer({ status: 200 });
    await at.answer({ status: 200 });
    expect([at.phase('r'), shown(at, 'replicas')]).toEqual(['Succeeded', '3']);
  });

  test('of a failed run are given back by abort', async () => {
    const at = await begun(actions);
    await at.answer({ status: 500 });
    at.steer('r', { abort: true });
    await at.turn();
    expect([at.phase('r'), shown(at, 'replicas')]).toEqual(['Aborted', '3']);
  });

  test('of a failed run are given back to a newer request', async () => {
    const at = await begun(actions);
    await at.answer({ status: 500 });
    at.now += 60_000;
    at.request('r2', 'a');
    await at.turn();
    expect([at.phase('r'), at.phase('r2'), at.status('r2').vars]).toEqual([
      'Failed',
      'Running',
      { replicas: 2 },
    ]);
  });

  test('a failed run without such vars releases the lock at once', async () => {
    const at = await begun(`  a: {on: {request: true}, vars: {other: 1}, steps: [{name: ask, ${CALL}}]}\n`);
    await at.answer({ status: 500 });
    expect([at.phase('r'), at.status('r').released]).toEqual(['Failed', true]);
    expect(at.condition('ActionFailed')).toMatchObject({ status: 'True', reason: 'A' });
    expect(at.condition('Ready')).toMatchObject({ status: 'True' });
  });
});

describe('rollback', () => {
  const actions = (commit = '') => `  a:
    on: {request: true}
    vars: {before: status.version}
    steps:
    - {set: {version: '"2"'}}
    ${commit}- {name: ask, ${CALL}}
    rollback: [{set: {version: vars.before}}, {name: tell, http: {method: POST, url: "http://app/", body: "{{run.failed.step}} {{run.failed.reason}}"}}]
`;

  test('undoes a failed run, and sees what failed', async () => {
    const at = await begun(actions());
    expect(at.held('version')).toBe('2');
    await at.answer({ status: 500 });
    expect([at.phase('r'), at.held('version')]).toEqual(['RollingBack', '1']);
    expect(at.called.at(-1)).toMatchObject({ body: 'ask UnexpectedStatus' });
    await at.answer({ status: 200 });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'UnexpectedStatus', released: true });
  });

  test('does not come after a commit', async () => {
    const at = await begun(actions('- {commit: true}\n    '));
    await at.answer({ status: 500 });
    expect([at.phase('r'), at.held('version')]).toEqual(['Failed', '2']);
  });

  test('follows an abort', async () => {
    const at = await begun(actions());
    at.steer('r', { abort: true });
    await at.turn();
    expect([at.phase('r'), at.held('version')]).toEqual(['RollingBack', '1']);
    await at.answer({ status: 200 });
    expect(at.phase('r')).toBe('Aborted');
  });

  test('a retry after it begins with the first step', async () => {
    const at = await begun(actions());
    await at.answer({ status: 500 });
    await at.answer({ status: 200 });
    at.steer('r', { retry: 1 });
    await at.turn();
    expect([at.phase('r'), at.held('version'), at.steps('r')]).toEqual([
      'Running',
      '2',
      ['set Succeeded', 'ask Running'],
    ]);
    await at.answer({ status: 200 });
    expect(at.phase('r')).toBe('Succeeded');
  });
});

describe('a run inside a run', () => {
  const actions = `  a:
    on: {request: true}
    vars: {replicas: 1}
    steps: [{name: parts, forEach: '["x", "y"]', run: one, params: {pod: "{{item}}"}}]
  one:
    params: {type: object, properties: {pod: {type: string}}}
    steps: [{name: ask, http: {method: POST, url: "http://app/{{run.params.pod}}/{{vars.replicas}}"}, outputs: {pod: run.params.pod}}]
`;

  test('shares the lock and the vars, and gives back its outputs', async () => {
    const at = await begun(actions);
    expect(at.called).toMatchObject([{ url: 'http://app/x/1' }]);
    await at.answer({ status: 200 });
    expect(at.called.at(-1)).toMatchObject({ url: 'http://app/y/1' });
    await at.answer({ status: 200 });
    expect(at.phase('r')).toBe('Succeeded');
    expect(at.status('r').outputs).toEqual({ parts: [{ ask: { pod: 'x' } }, { ask: { pod: 'y' } }] });
    expect(at.of('one').map((name) => at.run(name).metadata.ownerReferences?.[0]?.uid)).toEqual([
      'run-0',
      'run-0',
    ]);
  });

  test('ends with the attempt that began it', async () => {
    const at = await begun(actions);
    at.steer('r', { abort: true });
    await at.turn();
    expect([at.phase('r'), ...at.of('one').map((name) => at.phase(name))]).toEqual(['Aborted', 'Aborted']);
    expect(at.effects).toEqual([]);
  });

  test('that fails fails the step', async () => {
    const at = await begun(actions);
    await at.answer({ status: 500 });
    expect(at.status('r')).toMatchObject({ phase: 'Failed', reason: 'UnexpectedStatus' });
  });
});

describe('a playbook that changed meanwhile', () => {
  const actions = (path: string, later = 'later') =>
    `  a: {on: {request: true}, steps: [{name: ask, http: {method: POST, url: "http://app/${path}"}}, {name: ${later}, ${CALL}}]}\n`;

  test('halts a run whose steps up to the current one are others, and says what to do', async () => {
    const at = await begun(actions('one'));
    at.watch = world(actions('two')).watch;
    await at.turn();
    expect(at.status('r')).toMatchObject({ phase: 'Halted', reason: 'PlaybookChanged' });
    expect(at.status('r').message).toMatch(/step ask of a changed; raise spec.retry .* or set spec.abort/);
    expect(at.condition('Stalled')).toMatchObject({ status: 'True', reason: 'PlaybookChanged' });
    at.steer('r', { retry: 1 });
    await at.turn();
    expect([at.phase('r'), at.called.at(-1)]).toMatchObject(['Running', { url: 'http://app/two' }]);
  });

  test('leaves a run alone whose later steps changed', async () => {
    const at = await begun(actions('one'));
    at.watch = world(actions('one', 'other')).watch;
    await at.answer({ status: 200 });
    expect(at.steps('r')).toEqual(['ask Succeeded', 'other Running']);
  });
});
