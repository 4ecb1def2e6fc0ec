/** An engine that does not lead: ready to take over, and no hindrance to a rollout. */
import { describe, expect, it } from 'vitest';
import { candidacy, poll, WRITE } from './cluster-support.ts';
import {
  bench,
  boxFiles,
  type Engine,
  engine,
  eventually,
  isReady,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
const HTTP = { host: '127.0.0.1', port: 0 };

function candidate(identity: string) {
  return { http: HTTP, leaderElection: candidacy(identity) };
}

async function readiness({ operator }: Engine): Promise<number> {
  return (await fetch(`http://127.0.0.1:${operator.httpPort}/readyz`)).status;
}

describe('a standby', () => {
  it('has loaded everything that the leader installs after both have started', async () => {
    const at = await bench();
    const both = await Promise.all(['one', 'two'].map((name) => engine(at, candidate(name))));
    await putPlaybook(at, 'box', boxFiles(at));
    await putBox(at, 'a', { size: 1, text: 'one' });
    await eventually(at, at.box, 'a', isReady);
    for (const { operator } of both) await operator.ready;
    await poll(() => both.every(({ operator }) => operator.playbooks().some(({ running }) => running)));
    expect(both.map((one) => one.writes()).filter((writes) => writes > 2)).toHaveLength(1);
  });

  it('is ready while the leader has yet to install what it needs, so that a rollout can go on', async () => {
    const at = await bench();
    const spec = { holderIdentity: 'another', leaseDurationSeconds: 3600 };
    const metadata = { name: 'libretto', namespace: at.namespace };
    await at.cluster.client.create({ ...LEASE, metadata, spec }, WRITE);
    const standby = await engine(at, candidate('one'));
    await poll(async () => (await readiness(standby)) === 200);
    expect(standby.writes()).toBe(0);
  });
});
