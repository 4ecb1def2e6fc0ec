import { describe, expect, it } from 'vitest';
import type { Terminal } from '../../engine/cli/terminal.ts';
import { createTable, rowOf } from '../../engine/cli/up-table.ts';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';

function box(generation: number, status: JsonObject): KubeObject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Box',
    metadata: { name: 'one', namespace: 'shop', generation },
    status,
  };
}

function ready(status: string, message = ''): JsonObject {
  return { type: 'Ready', status, message };
}

function terminal(interactive: boolean): { terminal: Terminal; output: string[] } {
  const output: string[] = [];
  const fake: Terminal = {
    out: (text) => void output.push(text),
    err: () => {},
    interactive,
    colors: false,
    columns: 40,
    rows: 40,
    environment: {},
    hostname: 'test',
    ask: async () => '',
    onInterrupt: () => () => {},
  };
  return { terminal: fake, output };
}

describe('the table of up', () => {
  it('counts a resource as Ready only when its status is about its present generation', () => {
    expect(rowOf(box(2, { observedGeneration: 2, conditions: [ready('True')] })).ready).toBe(true);
    expect(rowOf(box(2, { observedGeneration: 1, conditions: [ready('True')] })).ready).toBe(false);
    expect(rowOf(box(1, {})).ready).toBe(false);
  });

  it('says why a stalled resource is stalled', () => {
    const stalled = { type: 'Stalled', status: 'True', message: 'the name is taken' };
    expect(rowOf(box(1, { conditions: [ready('False'), stalled] }))).toMatchObject({
      failed: true,
      message: 'the name is taken',
    });
  });

  it('writes a line a change where nobody watches', () => {
    const { terminal: lines, output } = terminal(false);
    const table = createTable(lines);
    const waiting = rowOf(box(1, { conditions: [ready('False', '0 of 1')] }));
    for (const row of [waiting, waiting, rowOf(box(1, { conditions: [ready('True')] }))]) table.show([row]);
    expect(output).toEqual(['Box shop/one: waiting, 0 of 1\n', 'Box shop/one: Ready\n']);
  });

  it('is redrawn in place on a terminal, within its width', () => {
    const { terminal: screen, output } = terminal(true);
    const table = createTable(screen);
    table.show([rowOf(box(1, { conditions: [ready('False', 'x'.repeat(100))] }))]);
    table.show([rowOf(box(1, { conditions: [ready('True')] }))]);
    expect(output[1]?.startsWith('\x1b[2A')).toBe(true);
    for (const line of (output[0] ?? '').replaceAll('\x1b[2K', '').split('\n'))
      expect(line.length).toBeLessThan(40);
  });
});
