/** The live table of `libretto up`: how each sample stands. On a terminal it is redrawn, else each change is a line. */
import { isObject, type KubeObject } from '../kube/object.ts';
import type { Terminal } from './terminal.ts';

export interface Row {
  readonly kind: string;
  readonly name: string;
  readonly ready: boolean;
  /** Stalled, or otherwise not to be helped by waiting. */
  readonly failed: boolean;
  readonly message: string;
}

export function rowOf(object: KubeObject): Row {
  const { generation } = object.metadata;
  const status = isObject(object.status) ? object.status : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isObject) : [];
  const find = (type: string): Record<string, unknown> | undefined =>
    conditions.find((c) => c['type'] === type);
  const ready = find('Ready');
  const stalled = find('Stalled');
  const current =
    status['observedGeneration'] === undefined || Number(status['observedGeneration']) >= (generation ?? 0);
  const failed = stalled?.['status'] === 'True';
  const message = failed ? stalled['message'] : ready?.['message'];
  return {
    kind: object.kind,
    name: `${object.metadata.namespace ?? ''}/${object.metadata.name}`.replace(/^\//, ''),
    ready: ready?.['status'] === 'True' && current,
    failed,
    message: typeof message === 'string' ? message : '',
  };
}

export interface Table {
  show(rows: readonly Row[]): void;
  /** Other text follows: the next change is drawn below it. */
  leave(): void;
}

export function createTable(terminal: Terminal): Table {
  return terminal.interactive ? liveTable(terminal) : lineTable(terminal);
}

/** Moves back up over what it drew before. */
function liveTable(terminal: Terminal): Table {
  let drawn = 0;
  let last = '';
  return {
    show(rows) {
      const lines = tableLines(rows, terminal);
      const text = lines.join('\n');
      if (text === last) return;
      last = text;
      const back = drawn === 0 ? '' : `\x1b[${drawn}A`;
      terminal.out(`${back}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
      drawn = lines.length;
    },
    leave() {
      drawn = 0;
    },
  };
}

/** A line a change, for logs. */
function lineTable(terminal: Terminal): Table {
  const said = new Map<string, string>();
  return {
    show(rows) {
      for (const row of rows) {
        const key = `${row.kind} ${row.name}`;
        const line = rowLine(row);
        if (said.get(key) !== line) terminal.out(`${line}\n`);
        said.set(key, line);
      }
    },
    leave() {},
  };
}

/** `Box shop/one: waiting, 0 of 1` */
export function rowLine(row: Row): string {
  const message = row.message === '' || row.ready ? '' : `, ${row.message}`;
  return `${row.kind} ${row.name}: ${stateOf(row)}${message}`;
}

export function tableLines(
  rows: readonly Row[],
  terminal: Pick<Terminal, 'columns' | 'colors'>,
): readonly string[] {
  const cells = [
    ['KIND', 'NAME', 'STATE', 'MESSAGE'],
    ...rows.map((r) => [r.kind, r.name, stateOf(r), r.ready ? '' : r.message]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells.map((line, index) => {
    const text = line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
      .slice(0, terminal.columns - 1);
    return colored(text, index === 0 ? undefined : rows[index - 1], terminal);
  });
}

function stateOf(row: Row): string {
  return row.ready ? 'Ready' : row.failed ? 'Stalled' : 'waiting';
}

function colored(text: string, row: Row | undefined, terminal: Pick<Terminal, 'colors'>): string {
  if (!terminal.colors || row === undefined) return text;
  const color = row.ready ? 32 : row.failed ? 31 : 33;
  return text.replace(stateOf(row), `\x1b[${color}m${stateOf(row)}\x1b[0m`);
}
