/** What the bench found out, and the same as a table for people. */
import type { Requests } from './audit.ts';
import type { Repairs } from './repair.ts';
import type { Usage } from './usage.ts';
import type { Wave } from './wave.ts';

export interface Figures {
  readonly size: number;
  readonly machine: Machine;
  /** The bare client before and after the engine. */
  readonly floors: readonly [Wave, Wave];
  readonly engine: {
    readonly wave: Wave;
    /** From the first resource's creation until no pass has run for a while. */
    readonly requests: Requests;
    readonly idle: Usage | undefined;
    readonly after: Usage | undefined;
    /** Of kube-apiserver in the same time. */
    readonly apiServerCpuSeconds: number | undefined;
  };
  readonly rest: {
    readonly seconds: number;
    readonly requests: Requests;
    readonly cpuSeconds: number | undefined;
  };
  readonly repair: { readonly engine: Repairs; readonly floor: Repairs; readonly requests: Requests };
  readonly restart: {
    readonly readySeconds: number;
    readonly requests: Requests;
    readonly usage: Usage | undefined;
  };
}

export interface Machine {
  readonly node: string;
  readonly kubernetes: string;
  readonly cpus: number;
  /** Of the last minute, when the bench ended: what else ran shows here. */
  readonly load: number;
}

type Row = readonly [name: string, value: string, floor?: string, ratio?: string];

export function table(figures: Figures): string {
  const { size, machine } = figures;
  const head = [
    `${size} resources with 3 children each (ConfigMap, Service, Deployment of one pod)`,
    `Node ${machine.node}, Kubernetes ${machine.kubernetes}, ${machine.cpus} CPUs, load ${machine.load.toFixed(1)}`,
  ];
  const sections = [
    times(figures),
    perResource(figures),
    resources(figures),
    atRest(figures),
    drift(figures),
    restarted(figures),
  ];
  return [...head, ...sections.map((rows) => `\n${lines(rows)}`)].join('\n');
}

/** The floor's mean: what it differs by is the noise of the machine. */
function times({ engine: { wave }, floors: [first, second] }: Figures): readonly Row[] {
  const row = (name: string, value: number, a: number, b: number): Row => {
    const floor = (a + b) / 2;
    return [name, `${value.toFixed(2)} s`, `${a.toFixed(2)} and ${b.toFixed(2)} s`, ratio(value, floor)];
  };
  const { ready = Number.NaN } = wave;
  return [
    ['', 'engine', 'bare client', 'ratio'],
    row('all children exist after', wave.children, first.children, second.children),
    row('all pods are ready after', wave.pods, first.pods, second.pods),
    row('all resources are Ready after', ready, first.pods, second.pods),
  ];
}

function perResource({ size, engine: { requests } }: Figures): readonly Row[] {
  const kinds = Object.entries(requests.kinds).toSorted(([, a], [, b]) => b - a);
  return [
    ['API writes per resource', (requests.writes / size).toFixed(2), '3', `goal ≤ 5`],
    ['API reads per resource', (requests.reads / size).toFixed(2), '0', 'goal 0'],
    ...kinds.map(([kind, count]): Row => [`  ${kind}`, (count / size).toFixed(2), `${count} in all`]),
  ];
}

function resources({ size, engine: { idle, after, apiServerCpuSeconds } }: Figures): readonly Row[] {
  const cpu = difference(idle, after);
  return [
    ['resident memory before', mebibytes(idle?.residentBytes)],
    ['resident memory after', mebibytes(after?.residentBytes)],
    ['  at most', mebibytes(after?.peakBytes)],
    [
      'CPU until all was done',
      inSeconds(cpu),
      `kube-apiserver ${inSeconds(apiServerCpuSeconds)}`,
      cpu === undefined || apiServerCpuSeconds === undefined ? '' : ratio(cpu, apiServerCpuSeconds),
    ],
    ['  per resource', cpu === undefined ? '–' : `${((cpu / size) * 1000).toFixed(1)} ms`],
  ];
}

function atRest({ rest }: Figures): readonly Row[] {
  return [
    [
      `requests in ${rest.seconds} s at rest`,
      String(rest.requests.writes + rest.requests.reads),
      '',
      'goal 0',
    ],
    ['  beside them: Lease, watches anew', `${rest.requests.lease}, ${rest.requests.watches}`],
    ['  CPU', inSeconds(rest.cpuSeconds)],
    ...listed(rest.requests),
  ];
}

function drift({ repair: { engine, floor, requests } }: Figures): readonly Row[] {
  return [
    ['drift repair, p50', milliseconds(engine.p50), milliseconds(floor.p50), ratio(engine.p50, floor.p50)],
    ['drift repair, p99', milliseconds(engine.p99), milliseconds(floor.p99), ratio(engine.p99, floor.p99)],
    ['  API writes per repair', (requests.writes / engine.count).toFixed(2), '1'],
    ['  API reads per repair', (requests.reads / engine.count).toFixed(2), '0'],
  ];
}

function restarted({ restart }: Figures): readonly Row[] {
  return [
    ['writes after a restart', String(restart.requests.writes), '', 'goal 0'],
    ['  reads (discovery, lists)', String(restart.requests.reads)],
    ['  ready after', `${restart.readySeconds.toFixed(2)} s`],
    ['  resident memory', mebibytes(restart.usage?.residentBytes)],
    ['  at most', mebibytes(restart.usage?.peakBytes)],
  ];
}

function listed({ kinds }: Requests): readonly Row[] {
  return Object.entries(kinds).map(([kind, count]): Row => [`  ${kind}`, String(count)]);
}

export function difference(before: Usage | undefined, after: Usage | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after.cpuSeconds - before.cpuSeconds;
}

function lines(rows: readonly Row[]): string {
  return rows
    .map(([name, value, floor = '', note = '']) =>
      `${name.padEnd(36)}${value.padStart(10)}  ${floor.padStart(22)}  ${note.padStart(8)}`.trimEnd(),
    )
    .join('\n');
}

function ratio(value: number, floor: number): string {
  return `${(value / floor).toFixed(2)} ×`;
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : `${Math.round(bytes / 2 ** 20)} MiB`;
}

function inSeconds(value: number | undefined): string {
  return value === undefined ? '–' : `${value.toFixed(2)} s`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}
