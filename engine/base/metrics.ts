/**
 * Metrics in the Prometheus text format. The only module that imports prom-client; the rest of the engine sees
 * three small instruments, made by whoever builds the parts and handed over. A counter asked for twice is one counter.
 */
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  /** Adds `by` (default 1). */
  add(labels?: Labels, by?: number): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Takes one series away, so that what is gone is no longer reported. */
  remove(labels: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface HistogramOptions extends InstrumentOptions {
  /** Upper bounds, ascending; seconds unless the name says otherwise. */
  readonly buckets: readonly number[];
}

export interface Metrics {
  counter(options: InstrumentOptions): Counter;
  gauge(options: InstrumentOptions): Gauge;
  histogram(options: HistogramOptions): Histogram;
  readonly contentType: string;
  /** Everything, in the text exposition format. */
  render(): Promise<string>;
}

/** controller-runtime's buckets for reconcile times, in seconds. */
export const RECONCILE_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** client-go's buckets for work queues, in seconds: 10 ns to 10 s by powers of ten, and 1000 s. */
export const QUEUE_BUCKETS: readonly number[] = [
  1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000,
];

export interface MetricsOptions {
  /** Also report the process: memory, CPU, event-loop lag. One registry a process may. Default false. */
  readonly process?: boolean;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  return {
    counter: (o) => counter(registry, o),
    gauge: (o) => gauge(registry, o),
    histogram: (o) => histogram(registry, o),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function settings(
  registry: Registry,
  o: InstrumentOptions,
): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
  return { name: o.name, help: o.help, labelNames: [...(o.labels ?? [])], registers: [registry] };
}

function counter(registry: Registry, options: InstrumentOptions): Counter {
  const known = registry.getSingleMetric(options.name);
  const metric = known instanceof PromCounter ? known : new PromCounter(settings(registry, options));
  return { add: (labels = {}, by = 1) => metric.inc(labels, by) };
}

function gauge(registry: Registry, options: InstrumentOptions): Gauge {
  const metric = new PromGauge(settings(registry, options));
  return {
    set: (value, labels = {}) => metric.set(labels, value),
    remove: (labels) => metric.remove(labels),
  };
}

function histogram(registry: Registry, options: HistogramOptions): Histogram {
  const metric = new PromHistogram({ ...settings(registry, options), buckets: [...options.buckets] });
  return { observe: (value, labels = {}) => metric.observe(labels, value) };
}
