/** The work queue's and the reconcilers' metrics, under the names of client-go and controller-runtime. */
import { type Metrics, QUEUE_BUCKETS, RECONCILE_BUCKETS } from '../base/metrics.ts';

/** Durations in milliseconds, as clocks give them. */
export interface QueueMetrics {
  added(lane: string, depth: number): void;
  taken(lane: string, depth: number, waitedMs: number): void;
  worked(lane: string, tookMs: number): void;
  retried(lane: string): void;
  closed(lane: string): void;
}

export function createQueueMetrics(metrics: Metrics): QueueMetrics {
  const labels = ['name'];
  const depth = metrics.gauge({ name: 'workqueue_depth', help: 'Current depth of the work queue', labels });
  const adds = metrics.counter({
    name: 'workqueue_adds_total',
    help: 'Adds handled by the work queue',
    labels,
  });
  const retries = metrics.counter({
    name: 'workqueue_retries_total',
    help: 'Retries handled by the work queue',
    labels,
  });
  const waited = metrics.histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long an item waits in the work queue before it is taken',
    labels,
    buckets: QUEUE_BUCKETS,
  });
  const worked = metrics.histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long the work on an item takes',
    labels,
    buckets: QUEUE_BUCKETS,
  });
  return {
    added(name, size) {
      adds.add({ name });
      depth.set(size, { name });
    },
    taken(name, size, waitedMs) {
      depth.set(size, { name });
      waited.observe(waitedMs / 1000, { name });
    },
    worked: (name, tookMs) => worked.observe(tookMs / 1000, { name }),
    retried: (name) => retries.add({ name }),
    closed: (name) => depth.remove({ name }),
  };
}

export type ReconcileResult = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface ReconcileMetrics {
  reconciled(controller: string, result: ReconcileResult, tookMs: number): void;
  terminal(controller: string): void;
  finalActionsSkipped(controller: string): void;
  active(controller: string, count: number): void;
  planned(controller: string, tookMs: number): void;
}

export function createReconcileMetrics(metrics: Metrics): ReconcileMetrics {
  const labels = ['controller'];
  const total = metrics.counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations per controller and result',
    labels: ['controller', 'result'],
  });
  const errors = metrics.counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciliations that failed, per controller',
    labels,
  });
  const terminal = metrics.counter({
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Reconciliations that ended in a terminal state, per controller',
    labels,
  });
  const skipped = metrics.counter({
    name: 'libretto_final_actions_skipped_total',
    help: 'Resources that went without their final actions, per controller',
    labels,
  });
  const time = metrics.histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of a reconciliation per controller',
    labels,
    buckets: RECONCILE_BUCKETS,
  });
  const plan = metrics.histogram({
    name: 'libretto_plan_time_seconds',
    help: 'Time from a snapshot to its plan: rendering, expressions, drift',
    labels,
    buckets: RECONCILE_BUCKETS,
  });
  const active = metrics.gauge({
    name: 'controller_runtime_active_workers',
    help: 'Workers in use per controller',
    labels,
  });
  return {
    reconciled(controller, result, tookMs) {
      total.add({ controller, result });
      if (result === 'error') errors.add({ controller });
      time.observe(tookMs / 1000, { controller });
    },
    terminal: (controller) => terminal.add({ controller }),
    finalActionsSkipped: (controller) => skipped.add({ controller }),
    active: (controller, count) => active.set(count, { controller }),
    planned: (controller, tookMs) => plan.observe(tookMs / 1000, { controller }),
  };
}
