import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { libretto, librettoOn } from './libretto.ts';

async function copyOf(playbook: string): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'cases-')), playbook);
  await cp(`playbooks/${playbook}`, folder, { recursive: true });
  return folder;
}

describe('libretto test', { timeout: 60_000 }, () => {
  it('runs the cases and says how fast', async () => {
    const { code, out, err } = await libretto('test', 'playbooks/memcached');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^ok {3}memcached: .*\n/);
    expect(out).toMatch(/2 passed, 0 failed \(in \d+ ms, [\d.,]+ cases a second\)\n$/);
  });

  it('says where there is nothing to run, and of files that cannot be read no speed', async () => {
    const folder = await copyOf('memcached');
    await rm(join(folder, 'sessions.case.yaml'));
    const none = await libretto('test', folder);
    expect(none).toMatchObject({ code: 0, out: '0 passed, 0 failed\n' });
    expect(none.err).toMatch(/memcached has no cases: they stand in files \*\.case\.yaml/);
    await writeFile(join(folder, 'broken.case.yaml'), 'resource: [\n');
    const broken = await libretto('test', folder);
    expect(broken).toMatchObject({ code: 1, out: '0 passed, 1 failed\n' });
    expect(broken.err).toMatch(/^\S*broken\.case\.yaml:\d+:\d+: error YamlSyntax/);
  });

  it('tells what no case has seen, with its place, and fails where that is too much', async () => {
    const folder = await copyOf('memcached');
    await writeFile(
      join(folder, 'sessions.case.yaml'),
      'resource: {apiVersion: cache.example.com/v1, kind: Memcached, metadata: {name: a}, spec: {size: 1}}\nexpect: {}\n',
    );
    const { code, out } = await libretto('test', folder, '--coverage');
    expect(code).toBe(0);
    expect(out).toMatch(
      /memcached: 2 of 3 parts seen \(66 %\)\n.*watches\.yaml:\d+:\d+: condition Ready never True\n/,
    );
    expect((await libretto('test', folder, '--coverage', '--least', '67')).code).toBe(1);
    expect((await libretto('test', folder, '--coverage', '--least', '66')).code).toBe(0);
    expect((await libretto('test', folder, '--least', '101')).code).toBe(2);
  });

  it('runs no case with a resource that the API server would refuse, and says why', async () => {
    const folder = await copyOf('memcached');
    await writeFile(
      join(folder, 'sessions.case.yaml'),
      `resource:
  apiVersion: cache.example.com/v1
  kind: Memcached
  metadata: {name: a}
  spec:
    sise: 1
    size: "2"
expect: {}
`,
    );
    const { code, out, err } = await libretto('test', folder);
    const lines = err.split('\n').map((line) => line.replace(/^\S*memcached\//, ''));
    expect(lines).toEqual([
      'sessions.case.yaml:6:5: error UnknownField: Memcached has no field sise here (hint: did you mean size?)',
      'sessions.case.yaml:7:12: error FieldType: Memcached takes an integer here; the text 2 (hint: write it without quotes)',
      '',
    ]);
    expect({ code, out }).toEqual({ code: 1, out: '0 passed, 1 failed\n' });
  });

  it('tells cases, steps and problems as JSON, with the same exit code', async () => {
    const folder = await copyOf('memcached');
    const good = await libretto('test', folder, '--output', 'json', '--coverage');
    expect({ code: good.code, err: good.err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(good.out)).toMatchObject({
      summary: { passed: 2, failed: 0, milliseconds: expect.any(Number) },
      playbooks: [
        {
          playbook: 'memcached',
          problems: [],
          cases: [{ passed: true, steps: [{ result: 'passed' }, {}, {}, {}] }, { passed: true }],
          coverage: { percent: expect.any(Number), missing: expect.any(Array) },
        },
      ],
    });
    const step = (size: number) => `- expect: {children: {deployment: {spec: {replicas: ${size}}}}}`;
    await writeFile(
      join(folder, 'sessions.case.yaml'),
      `resource: {apiVersion: cache.example.com/v1, kind: Memcached, metadata: {name: a}, spec: {size: 1}}\nsteps:\n${step(1)}\n${step(2)}\n${step(1)}\n`,
    );
    await writeFile(join(folder, 'broken.case.yaml'), 'resource: [\n');
    const bad = await libretto('test', folder, '--output', 'json');
    expect({ code: bad.code, err: bad.err }).toEqual({ code: 1, err: '' });
    const { summary, playbooks } = JSON.parse(bad.out);
    expect(summary).toMatchObject({ passed: 0, failed: 2 });
    expect(playbooks[0].problems).toEqual([
      expect.objectContaining({ code: 'YamlSyntax', line: expect.any(Number) }),
    ]);
    expect(playbooks[0].cases[0]).toMatchObject({
      passed: false,
      problems: [{ code: 'CaseFailed', line: 4, column: 43, message: expect.stringContaining('replicas') }],
      steps: [
        { result: 'passed', line: 3 },
        { result: 'failed', line: 4 },
        { result: 'skipped', line: 5 },
      ],
    });
    expect((await libretto('test', folder, '--output', 'json', '--watch')).code).toBe(2);
  });

  it('runs again when a file is saved, until it is interrupted', async () => {
    const folder = await copyOf('memcached');
    const passed = Promise.withResolvers<void>();
    const broken = Promise.withResolvers<void>();
    let interrupt = (): void => {};
    const ended = librettoOn(
      {
        out(text) {
          if (text.startsWith('2 passed, 0 failed')) passed.resolve();
          if (text.startsWith('0 passed, 1 failed')) broken.resolve();
        },
        onInterrupt(action) {
          interrupt = action;
          return () => undefined;
        },
      },
      'test',
      folder,
      '--watch',
    );
    await passed.promise;
    await writeFile(join(folder, 'watches.yaml'), '- kind: Memcached\n');
    await broken.promise;
    interrupt();
    expect((await ended).code).toBe(0);
  });

  it('changes what cases expect to what they come to, and nothing else', async () => {
    const folder = await copyOf('memcached');
    const file = join(folder, 'sessions.case.yaml');
    const text = (ready: string, writes: string, replicas: string): string => `# kept
resource: {apiVersion: cache.example.com/v1, kind: Memcached, metadata: {name: a}, spec: {size: 2}}
steps:
- expect:
    writes: ${writes}   # kept, too
    children: {deployment: {spec: {replicas: ${replicas}}}}
- change: {ready: all}
  expect: {conditions: {Ready: "${ready}"}, outcome: done}
`;
    await writeFile(file, text('False', '[]', '3'));
    const { code, err } = await libretto('test', folder, '--update');
    expect(code).toBe(0);
    expect(err).toMatch(/sessions\.case\.yaml is changed\n$/);
    const written = await readFile(file, 'utf8');
    expect(written).toBe(text('True', '[create Service a, create Deployment a]', '2'));
    expect((await libretto('test', folder, '--update')).err).toBe('');
  });

  it('says where a case is wrong', async () => {
    const folder = await copyOf('memcached');
    await writeFile(join(folder, 'wrong.case.yaml'), 'resource: {}\nexpects: {}\n');
    const { code, err } = await libretto('test', folder);
    expect(code).toBe(1);
    expect(err).toContain('wrong.case.yaml:1:');
  });
});
