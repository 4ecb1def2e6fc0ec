import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { isObject } from '../../engine/kube/object.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import { parseYaml } from '../../engine/playbook/yaml.ts';

const FOLDER = new URL('../../playbooks', import.meta.url).pathname;

/** Needs no cluster: the paths into objects of built-in kinds are checked where there is one. */
describe.each(readdirSync(FOLDER))('the shipped playbook %s', (name) => {
  const files = new Map(
    readdirSync(join(FOLDER, name)).map((file) => [file, readFileSync(join(FOLDER, name, file), 'utf8')]),
  );
  const result = loadPlaybook(name, files, { schema: () => undefined });

  test('loads', () => {
    expect(result.kind === 'refused' ? result.problems.map(formatDiagnostic) : []).toEqual([]);
  });

  test('has a version that changes with its files, whatever their order', () => {
    const turned = loadPlaybook(name, new Map([...files].toReversed()), { schema: () => undefined });
    const version = result.kind === 'loaded' && result.playbook.version;
    expect(turned.kind === 'loaded' && turned.playbook.version).toBe(version);
  });
});

/** `npm start` applies them all to one namespace, where children are called after their resource. */
test('no two samples share a name', () => {
  const names = readdirSync(FOLDER).flatMap((name) => {
    const text = readFileSync(join(FOLDER, name, 'sample.yaml'), 'utf8');
    const parsed = parseYaml({ file: `${name}/sample.yaml`, text });
    if (parsed.kind === 'refused') throw new Error(parsed.problems.map(formatDiagnostic).join('\n'));
    return parsed.documents
      .map((document) => document.value)
      .filter(isObject)
      .map(nameOf);
  });
  expect(names.length).toBeGreaterThan(5);
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});

function nameOf(value: unknown): unknown {
  return isObject(value) && isObject(value['metadata']) ? value['metadata']['name'] : undefined;
}
