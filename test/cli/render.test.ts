import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { libretto } from './libretto.ts';

async function file(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'render-')), 'resource.yaml');
  await writeFile(path, text);
  return path;
}

describe('libretto render', { timeout: 60_000 }, () => {
  it('prints what would be applied, and says what it waits for', async () => {
    const { code, out, err } = await libretto('render', 'playbooks/memcached/sample.yaml');
    expect(code).toBe(0);
    expect(out).toContain(
      '# playbooks/memcached/deployment.yaml.hbs\napiVersion: apps/v1\nkind: Deployment\n',
    );
    expect(out).toMatch(/replicas: 2\n/);
    expect(out).not.toContain('libretto.dev/');
    expect(err).toMatch(/^Memcached sessions: waits: /);
  });

  it('tells the line of the template of each value', async () => {
    const { out } = await libretto('render', 'playbooks/webapp/sample.yaml', '--explain', '--marks');
    expect(out).toContain('kind: ConfigMap # config.yaml.hbs:2\n');
    expect(out).toContain('  name: shop-config # config.yaml.hbs:4 {{metadata.name}}\n');
    expect(out).toContain('data:\n  # config.yaml.hbs:8 {{spec.config}}\n');
    expect(out).toContain('libretto.dev/rank: "0" # added by the engine\n');
  });

  it('goes on to the end where everything becomes ready', async () => {
    const waiting = await libretto('render', 'playbooks/sampledb/sample.yaml');
    const { code, out } = await libretto(
      'render',
      'playbooks/sampledb/sample.yaml',
      '--ready',
      '--output',
      'json',
    );
    expect(waiting.out).not.toContain('kind: StatefulSet');
    expect(code).toBe(0);
    const [{ objects, starts }] = JSON.parse(out);
    expect(objects.map((one: { body: { kind: string } }) => one.body.kind)).toContain('StatefulSet');
    expect(starts).toContain('initialise');
  });

  it('answers wrong use and wrong files with one clear message', async () => {
    const none = await libretto('render', '/nowhere.yaml');
    expect(none).toMatchObject({ code: 2, out: '' });
    expect(none.err).toMatch(/there is no file .*\/nowhere.yaml/);
    const other = await file('apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n');
    expect(await libretto('render', other)).toMatchObject({ code: 2, out: '' });
    const unwatched = await libretto('render', other, '--playbook', 'playbooks/memcached');
    expect(unwatched).toMatchObject({ code: 2, out: '' });
    expect(unwatched.err).toContain('no playbook watches Pod');
    const nameless = await file('kind: Memcached\n');
    const wrong = await libretto('render', nameless, '--playbook', 'playbooks/memcached');
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain('it has no apiVersion, metadata.name');
    const broken = await libretto('render', await file('a: [1\n'), '--playbook', 'playbooks/memcached');
    expect(broken.code).toBe(2);
    expect(broken.err).toContain('resource.yaml:');
  });
});
