/**
 * Measures what a playbook costs: how long its templates render and its expressions evaluate. The compiled playbook
 * stays pure and knows no clock; each of its functions is put into one that looks at the clock before and after.
 */
import type { Clock } from '../base/clock.ts';
import type { Histogram, Metrics } from '../base/metrics.ts';
import type { Context, Expression, Playbook, Template, TemplateString } from '../playbook/model.ts';

/** Pure work, in seconds: 10 µs to 1 s. */
const BUCKETS: readonly number[] = [1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

export interface PlaybookTimes {
  /** The same playbook, measured. */
  measure(playbook: Playbook): Playbook;
}

export function createPlaybookTimes(metrics: Metrics, clock: Clock): PlaybookTimes {
  const labels = ['playbook'];
  const render = metrics.histogram({
    name: 'libretto_render_time_seconds',
    help: 'Time to render one template of a playbook',
    labels,
    buckets: BUCKETS,
  });
  const evaluate = metrics.histogram({
    name: 'libretto_expression_time_seconds',
    help: 'Time to evaluate one expression of a playbook; others may run in between',
    labels,
    buckets: BUCKETS,
  });
  return {
    measure(playbook) {
      const timer = (histogram: Histogram) => (sinceMs: number) =>
        histogram.observe((clock.monotonic() - sinceMs) / 1000, { playbook: playbook.name });
      return new Measuring(clock, { rendered: timer(render), evaluated: timer(evaluate) }).copy(playbook);
    },
  };
}

interface Timers {
  readonly rendered: (sinceMs: number) => void;
  readonly evaluated: (sinceMs: number) => void;
}

/** Copies a playbook's plain data; what several places share stays shared. */
class Measuring {
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly copies = new Map<object, unknown>();

  constructor(clock: Clock, timers: Timers) {
    this.clock = clock;
    this.timers = timers;
  }

  copy<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.copies.get(value);
    const copy = known ?? this.copyObject(value);
    this.copies.set(value, copy);
    return copy as T; // as: a copy has the shape of what it was made from
  }

  private copyObject(value: object): unknown {
    if (Array.isArray(value)) return value.map((part: unknown) => this.copy(part));
    if (isExpression(value)) return this.expression(value);
    if (isTemplate(value)) return this.template(value);
    if (isTemplateString(value)) return this.templateString(value);
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, this.copy(part)]));
  }

  private expression(expression: Expression): Expression {
    const evaluate = async (context: Context): ReturnType<Expression['evaluate']> => {
      const since = this.clock.monotonic();
      const evaluation = await expression.evaluate(context);
      this.timers.evaluated(since);
      return evaluation;
    };
    return { ...expression, evaluate };
  }

  private template(template: Template): Template {
    const render: Template['render'] = (context, options) => {
      const since = this.clock.monotonic();
      const rendering = template.render(context, options);
      this.timers.rendered(since);
      return rendering;
    };
    return { ...template, render };
  }

  private templateString(template: TemplateString): TemplateString {
    const render: TemplateString['render'] = (context) => {
      const since = this.clock.monotonic();
      const rendering = template.render(context);
      this.timers.rendered(since);
      return rendering;
    };
    return { ...template, render };
  }
}

function isExpression(value: object): value is Expression {
  return 'evaluate' in value && typeof value.evaluate === 'function';
}

function isTemplate(value: object): value is Template {
  return 'render' in value && typeof value.render === 'function' && 'documents' in value;
}

function isTemplateString(value: object): value is TemplateString {
  return 'render' in value && typeof value.render === 'function' && 'source' in value;
}
