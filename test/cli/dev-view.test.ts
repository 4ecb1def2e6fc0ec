import { expect, it } from 'vitest';
import type { Clock } from '../../engine/base/clock.ts';
import type { DevState } from '../../engine/cli/dev-state.ts';
import { createScreen } from '../../engine/cli/dev-view.ts';
import type { Terminal } from '../../engine/cli/terminal.ts';

const STATE: DevState = {
  playbook: 'site',
  cluster: '',
  saves: [],
  gone: false,
  checked: undefined,
  decided: undefined,
  rows: [],
  changes: [],
  troubles: [],
};

it('the screen is drawn once for a burst of changes, from its first row, and at the end', () => {
  const output: string[] = [];
  const due: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_delay, action) => {
      due.push(action);
      return { cancel: () => void due.splice(0) };
    },
  };
  const terminal: Terminal = {
    out: (text) => void output.push(text),
    err: () => {},
    interactive: true,
    colors: false,
    columns: 60,
    rows: 20,
    environment: {},
    hostname: 'test',
    ask: async () => '',
    onInterrupt: () => () => {},
  };
  const view = createScreen(terminal, clock);
  for (const cluster of ['starting', 'started']) view.show(STATE, { ...STATE, cluster });
  expect(due).toHaveLength(1);
  due.splice(0)[0]?.();
  expect(output).toHaveLength(1);
  expect(output[0]?.startsWith('\x1b[2J\x1b[Hlibretto dev site · started ')).toBe(true);
  expect(output[0]?.endsWith('\x1b[J')).toBe(true);
  view.show(STATE, { ...STATE, gone: true });
  view.end();
  expect(output[1]?.startsWith('\x1b[Hlibretto')).toBe(true);
  expect(output[1]).toContain('watches.yaml is gone');
  expect(due).toEqual([]);
});
