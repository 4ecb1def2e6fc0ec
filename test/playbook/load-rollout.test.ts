import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../engine/playbook/load.ts';

function load(rollout: string) {
  const watches = `apiVersion: libretto.dev/v1alpha1
kind: Playbook
metadata: {name: box}
rollout: ${rollout}
watches:
- group: a.dev
  version: v1
  kind: Box
  manifests: [config.yaml]
`;
  const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
  const files = new Map([
    ['watches.yaml', watches],
    ['config.yaml', config],
  ]);
  return loadPlaybook('box', files, { schema: () => undefined });
}

describe('rollout', () => {
  it.each([
    ['{canary: 3}', { canary: { kind: 'count', count: 3 }, pauseSeconds: 300, deadlineSeconds: 600 }],
    [
      '{canary: 10%, pause: 1m30s}',
      { canary: { kind: 'share', percent: 10 }, pauseSeconds: 90, deadlineSeconds: 600 },
    ],
    [
      '{canary: "100%", pause: 0s, deadline: 1h}',
      { canary: { kind: 'share', percent: 100 }, pauseSeconds: 0, deadlineSeconds: 3600 },
    ],
  ])('%s', (text, policy) => {
    const result = load(text);
    expect(result.kind === 'loaded' && result.playbook.rollout).toEqual(policy);
  });

  it.each([
    ['{canary: 0}', 'BadValue', 19],
    ['{canary: 101%}', 'BadValue', 19],
    ['{canary: 0%}', 'BadValue', 19],
    ['{canary: 1.5}', 'WrongType', 19],
    ['{pause: 5m}', 'MissingKey', 10],
    ['{canary: 1, pause: 5}', 'WrongType', 29],
    ['{canary: 1, pause: soon}', 'BadDuration', 29],
    ['{canary: 1, deadline: 0s}', 'BadDuration', 32],
    ['{canary: 1, steps: []}', 'UnknownKey', 22],
  ])('%s is refused: %s', (text, code, column) => {
    const result = load(text);
    const problems = result.kind === 'refused' ? result.problems : [];
    expect(problems.map((p) => [p.code, p.file, p.line, p.column])).toContainEqual([
      code,
      'watches.yaml',
      4,
      column,
    ]);
  });
});
