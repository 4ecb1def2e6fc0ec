import { describe, expect, test } from 'vitest';
import { actionOf, EXAMPLE, said, sources, stepOf } from './actions-builder.ts';
import { firstWatch } from './load-builder.ts';

describe('the example of the language', () => {
  test('loads, and nothing is said against it', () => {
    expect(said(EXAMPLE)).toEqual([]);
  });

  test('has its actions in the order of the file, which is their priority', () => {
    expect(firstWatch(EXAMPLE).actions.map(({ name }) => name)).toEqual([
      'failover',
      'backup',
      'upgrade',
      'restore',
      'restartAll',
      'finalSnapshot',
      'restartOne',
    ]);
  });

  test('holds a version and computes an endpoint', () => {
    expect(firstWatch(EXAMPLE).status).toMatchObject([
      { kind: 'held', name: 'version', initial: { source: 'spec.version' } },
      { kind: 'projection', name: 'endpoint' },
      { kind: 'held', name: 'primary' },
    ]);
  });

  test('fails over on a condition that holds for ten seconds, thrice an hour at most', () => {
    const failover = actionOf(EXAMPLE, 'failover');
    expect(failover).toMatchObject({
      on: { create: false, delete: false, request: false, forSeconds: 10 },
      interrupts: ['backup', 'upgrade'],
      limit: { times: 3, perSeconds: 3600 },
      history: 5,
    });
    expect(failover.steps.map(({ name }) => name)).toEqual(['choose', 'exec', 'set']);
    expect(stepOf(failover, 'choose', 'wait')).toMatchObject({ timeoutSeconds: 30, retries: 0 });
    expect(stepOf(failover, 'exec', 'exec').command.map(({ source }) => source)).toEqual([
      'redis-cli',
      'replicaof',
      'no',
      'one',
    ]);
  });

  test('backs up on a schedule of the resource and on request', () => {
    const backup = actionOf(EXAMPLE, 'backup');
    expect(backup.history).toBe(7);
    expect(backup.on.request).toBe(true);
    expect(backup.on.schedule?.render({ spec: {} })).toEqual({ kind: 'value', value: undefined });
    expect(backup.on.timeZone?.render({ spec: {} })).toEqual({ kind: 'value', value: 'UTC' });
    expect(stepOf(backup, 'dump', 'job')).toMatchObject({ timeoutSeconds: 1800, retries: 2 });
  });

  test('upgrades with frozen vars, a point of no return and a way back', () => {
    const upgrade = actionOf(EXAMPLE, 'upgrade');
    expect(sources(upgrade.vars)).toEqual({ target: 'spec.version', previous: 'status.version' });
    expect(upgrade.steps.map(({ name }) => name)).toEqual(['run', 'job', 'set', 'wait', 'commit', 'job-2']);
    expect(upgrade.rollback.map(({ name }) => name)).toEqual(['set-2', 'job-3']);
    expect(stepOf(upgrade, 'wait', 'wait').message?.source).toBe('waiting for the new version');
  });

  test('restarts pod by pod through another action', () => {
    const step = stepOf(actionOf(EXAMPLE, 'restartAll'), 'run', 'run');
    expect(step).toMatchObject({ action: 'restartOne', forEach: { source: 'observe.pods.metadata.name' } });
    expect(step.params?.render({ item: 'db-1' })).toEqual({ kind: 'value', value: { pod: 'db-1' } });
  });

  test('asks each pod for what it knows', () => {
    expect(firstWatch(EXAMPLE).probes).toMatchObject([
      {
        name: 'info',
        everySeconds: 5,
        timeoutSeconds: 2,
        parse: 'json',
        key: { source: 'item' },
        call: { kind: 'exec' },
      },
      {
        name: 'alive',
        everySeconds: 30,
        timeoutSeconds: 10,
        parse: 'text',
        call: { kind: 'http', method: 'GET' },
      },
    ]);
  });
});
