import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../engine/playbook/expression-versions.ts';
import { deployment, evaluate, pod, resultOf } from './expression-help.ts';

describe('$ready', () => {
  const ready = deployment(3, 3);
  const waiting = deployment(1, 3);

  it('is true for what is Current by kstatus', async () => {
    expect(await resultOf('$ready(children.db)', { children: { db: ready } })).toBe(true);
    expect(await resultOf('$ready(children.db)', { children: { db: waiting } })).toBe(false);
  });

  it('needs all of a list, and at least one', async () => {
    expect(await resultOf('$ready(children.db)', { children: { db: [ready, ready] } })).toBe(true);
    expect(await resultOf('$ready(children.db)', { children: { db: [ready, waiting] } })).toBe(false);
    expect(await resultOf('$ready(children.db)', { children: { db: [ready, null] } })).toBe(false);
    expect(await resultOf('$ready(children.db)', { children: { db: [] } })).toBe(false);
  });

  it('is missing for what is missing, so that its negation decides nothing either', async () => {
    const missing = { kind: 'missing', path: 'observe.primary' };
    expect(await evaluate('$ready(observe.primary)')).toEqual(missing);
    expect(await evaluate('$not($ready(observe.primary))')).toEqual(missing);
  });

  it('refuses what is no object of Kubernetes', async () => {
    expect(await evaluate('$ready(spec.size)', { spec: { size: 1 } })).toMatchObject({ kind: 'error' });
    expect(await evaluate('$ready(spec)', { spec: { size: 1 } })).toMatchObject({ kind: 'error' });
  });
});

describe('$byName', () => {
  const observe = { pods: [pod('a', 'Running'), pod('b', 'Pending')] };

  it('selects by metadata.name, or by name or key where there is no metadata', async () => {
    expect(await resultOf('$byName(observe.pods, "b").status.phase', { observe })).toBe('Pending');
    const spec = {
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 81 },
      ],
    };
    expect(await resultOf('$byName(spec.ports, "admin").port', { spec })).toBe(81);
    expect(
      await resultOf('$byName(probes.info, "p1").ok', { probes: { info: [{ key: 'p1', ok: true }] } }),
    ).toBe(true);
  });

  it('takes one object as a list, and none as missing', async () => {
    expect(await resultOf('$byName(observe.pods[0], "a").status.phase', { observe })).toBe('Running');
    expect(await evaluate('$byName(observe.pods, "z")', { observe })).toEqual({ kind: 'missing' });
    expect(await evaluate('$byName(observe.jobs, "z")', { observe })).toEqual({
      kind: 'missing',
      path: 'observe.jobs',
    });
  });
});

describe('$condition', () => {
  const withStatus = (status: string): Record<string, unknown> => ({
    children: {
      db: {
        metadata: { name: 'db' },
        status: {
          conditions: [
            { type: 'Other', status: 'True' },
            { type: 'Ready', status },
          ],
        },
      },
    },
  });

  it('is true or false as the condition says, and missing where it says nothing', async () => {
    expect(await resultOf('$condition(children.db, "Ready")', withStatus('True'))).toBe(true);
    expect(await resultOf('$condition(children.db, "Ready")', withStatus('False'))).toBe(false);
    expect((await evaluate('$condition(children.db, "Ready")', withStatus('Unknown'))).kind).toBe('missing');
    expect((await evaluate('$condition(children.db, "Gone")', withStatus('True'))).kind).toBe('missing');
    expect(await evaluate('$condition(children.db, "Ready")', {})).toEqual({
      kind: 'missing',
      path: 'children.db',
    });
  });

  it('asks one object', async () => {
    expect(
      await evaluate('$condition(observe.pods, "Ready")', {
        observe: { pods: [pod('a', 'x'), pod('b', 'x')] },
      }),
    ).toMatchObject({ kind: 'error' });
  });
});

describe('$compareVersions', () => {
  it.each([
    ['9.6', '16.2', -1],
    ['16.2', '9.6', 1],
    ['16', '16.0.0', 0],
    ['v1.2.3', '1.2.3', 0],
    ['1.2.0-rc.1', '1.2.0', -1],
    ['1.2.0-rc.2', '1.2.0-rc.10', -1],
    ['1.2.0-alpha', '1.2.0-alpha.1', -1],
    ['1.2.0-1', '1.2.0-alpha', -1],
    ['1.2.0+build.7', '1.2.0', 0],
    ['1.99999999999999999999', '1.99999999999999999998', 1],
  ])('orders %s and %s as %d', async (a, b, order) => {
    expect(await resultOf('$compareVersions(spec.a, spec.b)', { spec: { a, b } })).toBe(order);
  });

  it('takes numbers as YAML gives them, and is missing for missing', async () => {
    expect(await resultOf('$compareVersions(spec.a, "15.4")', { spec: { a: 16 } })).toBe(1);
    expect(await evaluate('$compareVersions(spec.a, "15.4")', { spec: {} })).toEqual({
      kind: 'missing',
      path: 'spec.a',
    });
  });

  it('says which text is no version', async () => {
    const evaluation = await evaluate('$compareVersions("1.0", spec.a)', { spec: { a: 'latest' } });
    expect(evaluation).toMatchObject({
      kind: 'error',
      problem: { message: expect.stringContaining('"latest"') },
    });
  });

  it('is a total order', () => {
    const version = fc
      .tuple(
        fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
        fc.option(fc.stringMatching(/^[0-9a-b]{1,2}(\.[0-9a-b])?$/)),
      )
      .map(([parts, pre]) => parts.join('.') + (pre === null ? '' : `-${pre}`));
    const order = (a: string, b: string): number => compareVersions(a, b) ?? Number.NaN;
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(order(a, a)).toBe(0);
        expect(order(a, b) + order(b, a)).toBe(0);
        if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('$string and &', () => {
  it('write values as JSONata does', async () => {
    expect(await resultOf('$string({"a": [1, 0.1 + 0.2, null, true, "x"]})')).toBe(
      '{"a":[1,0.3,null,true,"x"]}',
    );
    expect(await resultOf('$string([1], true)')).toBe('[\n  1\n]');
    expect(await resultOf('spec.list.$string()', { spec: { list: [1, 2] } })).toEqual(['1', '2']);
    expect(await resultOf('1 & null & true & [1]')).toBe('1nulltrue[1]');
    expect(await resultOf('"a" & spec.none', { spec: {} })).toBe('a');
  });
});

describe('regular expressions', () => {
  it('match, split, replace and select', async () => {
    expect(await resultOf('$match("a1b22", /[a-z](\\d+)/).groups')).toEqual(['1', '22']);
    expect(await resultOf('$split("a, b;c", /[,;]\\s*/)')).toEqual(['a', 'b', 'c']);
    expect(await resultOf('$replace("v1.2", /^v(\\d+)\\.(\\d+)$/, "$2-$1")')).toBe('2-1');
    expect(await resultOf('$contains("ABC", /b/i)')).toBe(true);
    expect(
      await resultOf('spec.names[$contains($, /^web-\\d+$/)]', { spec: { names: ['web-1', 'db-1'] } }),
    ).toBe('web-1');
    expect(await resultOf('$contains("a/b", /a\\/b/)')).toBe(true);
    expect(await resultOf('$contains("x\\nab", /^ab$/m)')).toBe(true);
    expect(await resultOf('$match("é€😀x", /x/).index')).toBe('é€😀'.length);
  });

  it('are an error where they match the empty text for ever', async () => {
    expect(await evaluate('$split("abc", /x*/)')).toMatchObject({ kind: 'error' });
  });
});
