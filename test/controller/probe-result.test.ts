import { describe, expect, test } from 'vitest';
import type { HttpAnswer } from '../../engine/cluster/api.ts';
import { nextResult, readAnswer } from '../../engine/controller/probe-result.ts';

function http(status: number, body: string): HttpAnswer {
  return { kind: 'http', status, headers: {}, body, truncated: false };
}

describe("what a probe's answer says", () => {
  test('JSON keeps integers exact, as texts where the API server could not hold them', () => {
    const ids = '{"id":1050133464904287879,"beyond":10501334649042878790}';
    expect(readAnswer(http(200, ids), { parse: 'json' })).toEqual({
      ok: true,
      value: { id: 1050133464904287879n, beyond: '10501334649042878790' },
    });
  });

  test('text loses its last line end alone', () => {
    expect(readAnswer(http(204, ' a\nb \n'), { parse: 'text' })).toEqual({ ok: true, value: ' a\nb' });
  });

  test('what is no JSON is a failure that says how to take it', () => {
    expect(readAnswer(http(200, 'role:master'), { parse: 'json' })).toMatchObject({
      ok: false,
      error: expect.stringContaining('parse: text'),
    });
  });

  test('a status outside 200 to 299 is a failure, unless it is expected', () => {
    expect(readAnswer(http(503, ''), { parse: 'text' })).toEqual({ ok: false, error: 'status 503' });
    expect(readAnswer(http(503, 'x'), { parse: 'text', expectStatus: [503] })).toEqual({
      ok: true,
      value: 'x',
    });
    expect(readAnswer(http(200, 'x'), { parse: 'text', expectStatus: [503] }).ok).toBe(false);
  });

  test('an answer that was cut is none', () => {
    const cut: HttpAnswer = { kind: 'http', status: 200, headers: {}, body: '[1', truncated: true };
    expect(readAnswer(cut, { parse: 'text' }).ok).toBe(false);
  });

  test('a failed command tells its last words, at most 500 characters of them', () => {
    const answer = {
      kind: 'exec',
      exitCode: 2,
      stdout: '',
      stderr: `first\n${'x'.repeat(900)}\n`,
      truncated: false,
    } as const;
    const reading = readAnswer(answer, { parse: 'json' });
    expect(reading.ok === false && reading.error).toMatch(/^exit code 2: x+…$/);
    expect(reading.ok === false && reading.error.length).toBe(501);
  });

  test('a first failure has neither value nor time', () => {
    const reading = { ok: false, error: 'PodNotFound: there is no pod' } as const;
    expect(nextResult(undefined, { key: 'db-0', reading, now: 0 })).toEqual({
      key: 'db-0',
      ok: false,
      error: 'PodNotFound: there is no pod',
    });
  });
});
