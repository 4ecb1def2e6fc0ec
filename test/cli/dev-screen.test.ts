import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../engine/base/diagnostic.ts';
import { linesBetween } from '../../engine/cli/dev-lines.ts';
import { screenOf } from '../../engine/cli/dev-screen.ts';
import { type DevState, withChange } from '../../engine/cli/dev-state.ts';
import { loadFolders } from '../../engine/cli/load-folders.ts';
import type { Row } from '../../engine/cli/up-table.ts';
import type { ToldChange } from '../../engine/operator/told-change.ts';

const [loaded] = await loadFolders(['playbooks/memcached']);
const { result } = loaded ?? {};
if (result?.kind !== 'loaded') throw new Error('the shipped playbook does not load');
const { playbook } = result;
const HASH = playbook.contentHash;
const SIZE = { columns: 80, rows: 40, colors: false };

function state(parts: Partial<DevState> = {}): DevState {
  return {
    playbook: 'memcached',
    cluster: 'context kind-dev',
    saves: [{ hash: HASH, at: '12:00:00', files: ['watches.yaml'] }],
    gone: false,
    checked: { save: 1, problems: [], cases: { passed: 2, failed: [] } },
    decided: { hash: HASH, problems: [], running: HASH },
    rows: [],
    changes: [],
    troubles: [],
    ...parts,
  };
}

/** A second save, of this template. */
function saved(hash: string, parts: Partial<DevState> = {}): DevState {
  const before = state();
  const save = { hash, at: '12:00:09', files: ['deployment.yaml.hbs'] };
  return { ...before, saves: [...before.saves, save], ...parts };
}

function problem(line: number, severity: Diagnostic['severity'] = 'error'): Diagnostic {
  const place = { file: 'memcached/deployment.yaml.hbs', line, column: 3 };
  return { ...place, code: 'UnknownField', severity, message: `no field ${line}` };
}

function row(name: string, message = ''): Row {
  return { kind: 'Memcached', name: `default/${name}`, ready: message === '', failed: false, message };
}

const RESOURCE = { group: 'cache.example.com', version: 'v1', kind: 'Memcached', namespace: 'default' };

function scaled(name = 'sessions', refusal?: string): ToldChange {
  return {
    playbook,
    resource: { ...RESOURCE, name },
    child: {
      effect: 'change',
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'default',
      name,
      why: 'it differs',
      fields: [{ path: 'spec.replicas', before: 2, after: 3 }],
    },
    refusal,
  };
}

describe('the screen of dev', () => {
  it('says which save runs, and how it stands', () => {
    const lines = screenOf(state({ rows: [row('sessions')] }), SIZE);
    expect(lines).toEqual([
      'libretto dev memcached · context kind-dev · Ctrl-C ends it',
      'save 1 (watches.yaml) runs',
      '',
      'PROBLEMS 0',
      '',
      'CASES 2 passed, 0 failed',
      '',
      'KIND       NAME              STATE  MESSAGE',
      'Memcached  default/sessions  Ready',
    ]);
  });

  it('says that the last good save goes on while a newer one is refused, and why it is', () => {
    const refused = saved('broken', {
      checked: { save: 2, problems: [problem(7)], cases: undefined },
      decided: { hash: 'broken', problems: [problem(7)], running: HASH },
    });
    const lines = screenOf(refused, SIZE);
    expect(lines).toContain('save 2 (deployment.yaml.hbs) is refused, save 1 goes on');
    expect(lines.filter((line) => line.includes('deployment.yaml.hbs:7:3: error UnknownField'))).toHaveLength(
      1,
    );
  });

  it('takes neither the problems nor the cases of an older save for those of the newest', () => {
    const old = { save: 1, problems: [problem(7)], cases: { passed: 2, failed: [] } };
    const lines = screenOf(saved('new', { checked: old }), SIZE);
    expect(lines).toContain('save 2 (deployment.yaml.hbs) is being loaded, save 1 runs');
    expect(lines).toContain('PROBLEMS …');
    expect(lines).toContain('CASES …');
  });

  it('adds what only the engine can know', () => {
    const taken = { ...problem(1), code: 'KindTaken' };
    const lines = screenOf(state({ decided: { hash: HASH, problems: [taken], running: undefined } }), SIZE);
    expect(lines).toContain('save 1 (watches.yaml) is refused, nothing runs');
    expect(lines.join('\n')).toContain('KindTaken');
  });

  it('shows what failed cases expected', () => {
    const failed = [{ name: 'scales up', problems: [problem(9)] }];
    const lines = screenOf(state({ checked: { save: 1, problems: [], cases: { passed: 1, failed } } }), SIZE);
    const at = lines.indexOf('  FAIL scales up');
    expect(lines[at - 1]).toBe('CASES 1 passed, 1 failed');
    expect(lines[at + 1]).toContain('deployment.yaml.hbs:9:3');
  });

  it('shows the changes of the newest save that changed anything, field by field', () => {
    const first = withChange(state(), scaled('early'), '12:00:01');
    const second = withChange(
      { ...first, saves: [...first.saves, { hash: HASH, at: '12:00:09', files: ['watches.yaml'] }] },
      scaled('sessions', 'too many'),
      '12:00:10',
    );
    const lines = screenOf(second, SIZE);
    const at = lines.indexOf('CHANGED IN THE CLUSTER with save 2');
    expect(lines.slice(at + 1)).toEqual([
      '  12:00:10 Memcached default/sessions:',
      '  ~ Deployment sessions (it differs)',
      '      spec.replicas: 2 -> 3',
      '      refused: too many',
    ]);
  });

  it.each([
    [10, 40],
    [24, 80],
    [50, 200],
  ])('fits into %i rows of %i columns however much there is', (rows, columns) => {
    const problems = Array.from({ length: 60 }, (_, line) => problem(line));
    let full = state({
      checked: { save: 1, problems, cases: { passed: 0, failed: [{ name: 'x'.repeat(300), problems }] } },
      rows: Array.from({ length: 60 }, (_, index) => row(`r${index}`, 'waits '.repeat(50))),
      troubles: ['the disk is full '.repeat(20)],
    });
    for (let index = 0; index < 60; index++) full = withChange(full, scaled(`r${index}`), '12:00:01');
    const lines = screenOf(full, { rows, columns, colors: false });
    expect(lines.length).toBeLessThan(rows);
    for (const line of lines) expect(line.length, line).toBeLessThan(columns);
  });

  it('shows the newest of many changes and the first of many problems', () => {
    const problems = Array.from({ length: 60 }, (_, index) => problem(index + 1));
    let full = state({ checked: { save: 1, problems, cases: { passed: 0, failed: [] } } });
    for (let index = 0; index < 60; index++) full = withChange(full, scaled(`r${index}`), '12:00:01');
    const text = screenOf(full, SIZE).join('\n');
    expect(text).toContain('hbs:1:3');
    expect(text).not.toContain('hbs:60:3');
    expect(text).toContain('default/r59');
    expect(text).not.toContain('default/r0:');
  });

  it('says that the folder is a playbook no longer', () => {
    expect(screenOf(state({ gone: true }), SIZE)[1]).toContain('watches.yaml is gone');
  });
});

describe('the lines of dev', () => {
  it('tell what is new, once', () => {
    const before = state({ rows: [row('sessions', '0 of 2')] });
    const after = withChange({ ...before, rows: [row('sessions')] }, scaled(), '12:00:01');
    expect(linesBetween(before, after)).toEqual([
      'Memcached default/sessions: Ready',
      'save 1 changed, for Memcached default/sessions:',
      '  ~ Deployment sessions (it differs)',
      '      spec.replicas: 2 -> 3',
    ]);
    expect(linesBetween(after, after)).toEqual([]);
  });

  it('tell all problems of each save, and then those that the engine found beside them', () => {
    const checked = { save: 2, problems: [problem(7, 'warning')], cases: { passed: 2, failed: [] } };
    const before = saved('new', { checked: { ...checked, save: 1 } });
    const after = { ...before, checked };
    expect(linesBetween(before, after)).toEqual([
      'memcached/deployment.yaml.hbs:7:3: warning UnknownField: no field 7',
      'save 2: 1 problem, cases: 2 passed, 0 failed',
    ]);
    const decided = { hash: 'new', problems: [problem(7, 'warning'), problem(8)], running: HASH };
    expect(linesBetween(after, { ...after, decided })).toEqual([
      'save 2 (deployment.yaml.hbs) is refused, save 1 goes on',
      'memcached/deployment.yaml.hbs:8:3: error UnknownField: no field 8',
    ]);
  });

  it('tell which cases failed, why, and which resources are gone', () => {
    const failed = [{ name: 'scales up', problems: [problem(9)] }];
    const before = state({ checked: undefined, rows: [row('sessions')] });
    const after = state({ checked: { save: 1, problems: [], cases: { passed: 1, failed } } });
    expect(linesBetween(before, after)).toEqual([
      'memcached/deployment.yaml.hbs:9:3: error UnknownField: no field 9',
      'FAIL scales up',
      'save 1: no problem, cases: 1 passed, 1 failed',
      'Memcached default/sessions: gone',
    ]);
  });
});
