/** Metrics of the requests to the API server, under client-go's names. */
import { type Metrics, RECONCILE_BUCKETS } from '../base/metrics.ts';
import type { ConnectOptions } from '../cluster/connect.ts';

export function createRestMetrics(metrics: Metrics): NonNullable<ConnectOptions['onRequest']> {
  const total = metrics.counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by code, method and host',
    labels: ['code', 'method', 'host'],
  });
  const duration = metrics.histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the API server answered',
    labels: ['verb', 'host'],
    buckets: RECONCILE_BUCKETS,
  });
  return ({ method, code, host, seconds }) => {
    total.add({ method, code, host });
    duration.observe(seconds, { verb: method, host });
  };
}
