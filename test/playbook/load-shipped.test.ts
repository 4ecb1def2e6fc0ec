import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';

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
