import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { assembleParts } from '../../engine/operator/configmap-parts.ts';
import { packagePlaybook } from '../../engine/operator/package.ts';
import { contentHashOf } from '../../engine/playbook/load-files.ts';

/** As the API server would store it. */
function asObject(body: JsonObject): KubeObject {
  return body as unknown as KubeObject; // as: a ConfigMap that the packager made
}

describe('a packaged playbook', () => {
  it('is one labelled ConfigMap with all files', () => {
    const files = new Map([['watches.yaml', '[]']]);
    expect(packagePlaybook({ name: 'box', files }, 'libretto-system')).toEqual([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'box',
          namespace: 'libretto-system',
          labels: { 'libretto.dev/playbook': 'box' },
          annotations: {
            'libretto.dev/parts': '1',
            'libretto.dev/version': contentHashOf(files).slice(0, 12),
          },
        },
        data: { 'watches.yaml': '[]' },
      },
    ]);
  });

  it('is put together again from its parts, whatever their sizes, and no part is too large', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 999_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, (all) => {
        const files = new Map(all.map((size, i) => [`f${i}.yaml`, 'x'.repeat(size)]));
        const parts = packagePlaybook({ name: 'box', files }, 'n').map(asObject);
        for (const { data } of parts)
          expect(Object.values(Object(data)).join('').length).toBeLessThan(1 << 20);
        expect(new Set(parts.map(({ metadata }) => metadata.name)).size).toBe(parts.length);
        expect(assembleParts(parts)).toEqual({ kind: 'complete', files, problems: [] });
      }),
      { numRuns: 30 },
    );
  });

  it('waits while one of its parts is of another edit', () => {
    const edit = (letter: string) =>
      packagePlaybook(
        { name: 'box', files: new Map(['a', 'b'].map((f) => [f, letter.repeat(900_000)])) },
        'n',
      ).map(asObject);
    const [first, second] = [edit('x'), edit('y')];
    const mixed = [first[0], second[1]].flatMap((part) => part ?? []);
    expect(assembleParts(mixed)).toMatchObject({ kind: 'incomplete' });
  });
});
