import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { assembleParts } from '../../engine/operator/configmap-parts.ts';

function part(
  name: string,
  data: Record<string, string>,
  more: { annotations?: Record<string, string>; binaryData?: Record<string, string> } = {},
): KubeObject {
  const { annotations = {}, binaryData = {} } = more;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data, binaryData };
}

function codes(parts: readonly KubeObject[]): readonly string[] {
  const assembly = assembleParts(parts);
  return assembly.kind === 'incomplete' ? [assembly.problem.code] : assembly.problems.map((p) => p.code);
}

describe('the parts of a playbook', () => {
  it('make one playbook, in whichever order they come', () => {
    const a = part('a', { 'watches.yaml': 'one' });
    const b = part('b', { 'crd.yaml': 'two' });
    for (const parts of [
      [a, b],
      [b, a],
    ]) {
      const assembly = assembleParts(parts);
      expect(assembly.kind === 'complete' && [...assembly.files]).toEqual([
        ['watches.yaml', 'one'],
        ['crd.yaml', 'two'],
      ]);
    }
  });

  it('are waited for until as many are there as they say', () => {
    const annotations = { 'libretto.dev/parts': '2' };
    expect(codes([part('a', {}, { annotations })])).toEqual(['PlaybookIncomplete']);
    expect(codes([part('a', {}, { annotations }), part('b', {}, { annotations })])).toEqual([]);
  });

  it('are taken together only when they carry the same version', () => {
    const version = (text: string) => ({ annotations: { 'libretto.dev/version': text } });
    expect(codes([part('a', {}, version('1')), part('b', {}, version('2'))])).toEqual(['PlaybookIncomplete']);
    expect(codes([part('a', {}, version('2')), part('b', {}, version('2'))])).toEqual([]);
    expect(codes([part('a', {}, version('2')), part('b', {})])).toEqual(['PlaybookIncomplete']);
  });

  it('report each file that is given twice, is no text, or is too large', () => {
    const parts = [
      part('a', { x: '1', big: 'x'.repeat(1024 * 1024 + 1) }),
      part('b', { x: '2' }, { binaryData: { logo: 'AAAA' } }),
    ];
    expect([...codes(parts)].sort()).toEqual(['FileNotText', 'FileTooLarge', 'FileTwice']);
  });
});
