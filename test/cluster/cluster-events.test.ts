import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { createEventRecorder, type EventRecorder } from '../../engine/cluster/events.ts';
import type { KubeObject } from '../../engine/kube/object.ts';
import {
  configMap,
  connect,
  connectThroughProxy,
  type LeapingClock,
  leapingClock,
  WRITE,
} from './cluster-support.ts';
import { testNamespace } from './harness.ts';

let namespace = '';
beforeAll(async () => {
  namespace = await testNamespace('events');
});

const EVENT = { group: 'events.k8s.io', version: 'v1', kind: 'Event' } as const;

interface Scene {
  readonly recorder: EventRecorder;
  readonly regarding: KubeObject;
  readonly clock: LeapingClock;
  events(): Promise<readonly KubeObject[]>;
}

async function scene(cluster: Cluster, name: string): Promise<Scene> {
  const clock = leapingClock();
  const recorder = createEventRecorder({
    client: cluster.client,
    clock,
    logger: silentLogger(),
    controller: 'libretto',
    instance: 'test-0',
  });
  const regarding = await cluster.client.create(configMap(namespace, name), WRITE);
  const events = async () => {
    const all = await cluster.client.list(EVENT, { namespace });
    return all.filter((event) => JSON.stringify(event.regarding).includes(`"${name}"`));
  };
  return { recorder, regarding, clock, events };
}

const created = { type: 'Normal', reason: 'Created', message: 'created the Deployment web' } as const;

describe('Events, on a real API server', () => {
  it('stand at the object that they regard', async () => {
    const { recorder, regarding, events } = await scene(await connect(), 'one');
    recorder.record(regarding, created);
    await recorder.close();
    expect(await events()).toMatchObject([
      {
        type: 'Normal',
        reason: 'Created',
        action: 'Created',
        note: 'created the Deployment web',
        reportingController: 'libretto',
        regarding: { kind: 'ConfigMap', name: 'one', uid: regarding.metadata.uid },
      },
    ]);
  });

  it('become a series when they repeat', async () => {
    const { recorder, regarding, events } = await scene(await connect(), 'many');
    for (let times = 0; times < 25; times++) recorder.record(regarding, created);
    recorder.record(regarding, { ...created, message: 'created the Service web' });
    await recorder.close();
    const counts = (await events()).map((event) => [event.note, event.series && Object(event.series).count]);
    expect(counts).toEqual(
      expect.arrayContaining([
        ['created the Deployment web', 25],
        ['created the Service web', undefined],
      ]),
    );
    expect(counts).toHaveLength(2);
  });

  it('begin anew when the last is long ago', async () => {
    const { recorder, regarding, clock, events } = await scene(await connect(), 'late');
    recorder.record(regarding, created);
    clock.leap(7 * 60_000);
    recorder.record(regarding, created);
    await recorder.close();
    expect(await events()).toHaveLength(2);
  });

  it('are cut to what the API takes', async () => {
    const { recorder, regarding, events } = await scene(await connect(), 'long');
    recorder.record(regarding, { ...created, message: 'ä'.repeat(3_000), reason: 'R'.repeat(200) });
    await recorder.close();
    expect(recorder.dropped).toBe(0);
    expect(await events()).toHaveLength(1);
  });

  it('never disturb: without an API server they are counted and dropped', async () => {
    const { proxy, cluster } = await connectThroughProxy();
    const { recorder, regarding } = await scene(cluster, 'nowhere');
    await proxy.close();
    for (let times = 0; times < 1_200; times++)
      recorder.record(regarding, { ...created, message: `number ${times}` });
    await recorder.close(50);
    expect(recorder.dropped).toBeGreaterThanOrEqual(199);
  });
});
