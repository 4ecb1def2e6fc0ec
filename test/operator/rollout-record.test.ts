import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { formatRecord, parseRecord, type RolloutRecord } from '../../engine/operator/rollout-record.ts';

const part: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'box', namespace: 'n', uid: 'u' },
};
const owner = { name: 'box', part };

const record: RolloutRecord = {
  stable: {
    version: '1.0.0',
    content: 'one',
    files: new Map([
      ['watches.yaml', 'ä: 1\n'],
      ['10', 'ten'],
    ]),
  },
  previous: { version: '0.9.0', content: 'zero', files: new Map([['watches.yaml', '']]) },
  candidate: {
    version: '1.1.0',
    content: 'two',
    phase: 'Stopped',
    startedAt: 5,
    rollingAt: 6,
    below: 7,
    size: 1,
    of: 9,
    unhealthy: ['u-1'],
    reason: 'why',
  },
};

/** As the API server gives it back. */
function written(value: RolloutRecord): KubeObject {
  return JSON.parse(JSON.stringify(formatRecord(owner, value)));
}

describe('the record of a roll-out', () => {
  it('is read as it was written', () => {
    expect(parseRecord(written(record))).toEqual(record);
    const { stable } = record;
    expect(parseRecord(written({ stable }))).toEqual({ stable });
  });

  it('belongs to the playbook’s ConfigMap, and goes with it', () => {
    expect(written(record).metadata).toMatchObject({
      name: 'box-rollout',
      namespace: 'n',
      ownerReferences: [{ kind: 'ConfigMap', name: 'box', uid: 'u' }],
    });
  });

  it('says nothing where it is damaged, rather than something wrong', () => {
    const whole = written(record);
    expect(parseRecord({ ...whole, binaryData: { stable: 'no gzip' } })).toBeUndefined();
    expect(parseRecord({ ...whole, data: { 'rollout.json': '{' } })).toBeUndefined();
    expect(parseRecord({ ...whole, data: {} })).toBeUndefined();
    const { data = {} } = whole as { data?: Record<string, string> };
    const text = String(data['rollout.json']).replace('"Stopped"', '"Paused"');
    expect(parseRecord({ ...whole, data: { 'rollout.json': text } })?.candidate).toBeUndefined();
  });

  it('leaves out the version before where both do not fit one ConfigMap', () => {
    const noise = Array.from({ length: 120_000 }, (_, index) => Math.sin(index).toString(36)).join('');
    const large = new Map([['big.yaml', noise.slice(0, 1_000_000)]]);
    const read = parseRecord(
      written({
        stable: { version: '2', content: 'c', files: large },
        previous: { version: '1', content: 'b', files: large },
      }),
    );
    expect(read?.stable.files).toEqual(large);
    expect(read?.previous).toBeUndefined();
  });
});
