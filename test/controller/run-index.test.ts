import { describe, expect, test } from 'vitest';
import { RunIndex } from '../../engine/controller/run-index.ts';
import type { KubeObject } from '../../engine/kube/object.ts';

const TARGET = { group: 'db.example.com', kind: 'Db', namespace: 'shop', name: 'orders' };

function run(name: string, resource = 'orders'): KubeObject {
  return {
    apiVersion: 'libretto.dev/v1alpha1',
    kind: 'ActionRun',
    metadata: { name, namespace: 'shop', uid: `uid-${name}` },
    spec: { action: 'backup', resource: { apiVersion: 'db.example.com/v1', kind: 'Db', name: resource } },
  };
}

function job(name: string, runUid: string): KubeObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'shop', labels: { 'libretto.dev/run-uid': runUid } },
  };
}

const NOTHING = { before: undefined, after: undefined };

describe('the index of runs', () => {
  test('finds the runs of a resource, whatever the version that they name', () => {
    const index = new RunIndex();
    expect(index.takeRun({ ...NOTHING, after: run('one') })).toEqual([TARGET]);
    index.takeRun({ ...NOTHING, after: run('two', 'stock') });
    expect(index.runsOf(TARGET).map((r) => r.metadata.name)).toEqual(['one']);
    index.takeRun({ ...NOTHING, before: run('one') });
    expect(index.runsOf(TARGET)).toEqual([]);
  });

  test('has the newest state of a run', () => {
    const index = new RunIndex();
    const before = run('one');
    const after = { ...before, status: { phase: 'Running' } };
    index.takeRun({ ...NOTHING, after: before });
    index.takeRun({ before, after });
    expect(index.runsOf(TARGET)).toEqual([after]);
  });

  test('finds what a run made, also where it was seen before the run', () => {
    const index = new RunIndex();
    expect(index.takeWork({ ...NOTHING, after: job('early', 'uid-one') })).toEqual([]);
    index.takeRun({ ...NOTHING, after: run('one') });
    expect(index.takeWork({ ...NOTHING, after: job('late', 'uid-one') })).toEqual([TARGET]);
    expect(index.workOf(TARGET).map((o) => o.metadata.name)).toEqual(['early', 'late']);
    expect(index.takeWork({ ...NOTHING, before: job('late', 'uid-one') })).toEqual([TARGET]);
    expect(index.workOf(TARGET).map((o) => o.metadata.name)).toEqual(['early']);
  });

  test('leaves a run that names no resource alone', () => {
    const index = new RunIndex();
    expect(index.takeRun({ ...NOTHING, after: { ...run('odd'), spec: {} } })).toEqual([]);
  });
});
