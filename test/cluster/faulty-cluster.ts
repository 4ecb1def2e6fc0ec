/** A connection on which one write goes wrong, and with it the process that sent it, or only the answer. */
import type {
  ApplicationCalls,
  Cluster,
  ClusterClient,
  ExecAnswer,
  ExecRequest,
  HttpAnswer,
  HttpRequest,
} from '../../engine/cluster/api.ts';
import { ApiError } from '../../engine/cluster/errors.ts';
import { isObject } from '../../engine/kube/object.ts';

export type Fault =
  /** The process dies before the request is sent. */
  | 'before'
  /** The process dies after the server carried the request out. */
  | 'after'
  /** The request is carried out, its answer is lost, the process goes on. */
  | 'lost';

export interface Faulty {
  readonly cluster: Cluster;
  /** Resolves when the fault has happened. */
  readonly struck: Promise<void>;
  readonly writes: () => number;
}

const WRITES = ['create', 'apply', 'jsonPatch', 'mergePatch', 'replace', 'delete'] as const;

/** Events and leases are no part of the work. */
const UNCOUNTED = ['Event', 'Lease'];

/**
 * The cluster as a process sees it that is struck at its `at`th write. With `calls`, calls of the application are
 * counted with the writes; none of them loses its answer alone, for that is a call that failed.
 */
export function faulty(
  cluster: Cluster,
  at: number,
  fault: Fault,
  { calls = false }: { readonly calls?: boolean } = {},
): Faulty {
  const struck = Promise.withResolvers<void>();
  let count = 0;
  let dead = false;
  const guard =
    <A extends unknown[], R>(send: (...args: A) => Promise<R>, refuse: () => R) =>
    async (...args: A): Promise<R> => {
      if (dead) return refuse();
      const hit = !UNCOUNTED.includes(kindOf(args[0])) && ++count === at;
      if (hit) struck.resolve();
      if (hit && fault === 'before') dead = true;
      if (dead) return refuse();
      const answer = await send(...args);
      if (hit && fault === 'after') dead = true;
      return hit ? refuse() : answer;
    };
  const client: ClusterClient = { ...cluster.client };
  const guarded = Object.fromEntries(
    WRITES.map((verb) => [
      verb,
      guard(client[verb].bind(client) as (...args: unknown[]) => Promise<unknown>, () => {
        throw new ApiError('ClusterUnreachable', 'the connection broke', { outcome: 'unknown' });
      }),
    ]),
  ); // as: each verb keeps its own arguments
  const died = () => ({ kind: 'failed', reason: 'Cancelled', message: 'the process died' }) as const;
  const called: ApplicationCalls = {
    exec: guard<[ExecRequest], ExecAnswer>((request) => cluster.calls.exec(request), died),
    http: guard<[HttpRequest], HttpAnswer>((request) => cluster.calls.http(request), died),
  };
  return {
    cluster: {
      ...cluster,
      client: { ...client, ...guarded },
      calls: calls && fault !== 'lost' ? called : cluster.calls,
    },
    struck: struck.promise,
    writes: () => count,
  };
}

function kindOf(target: unknown): string {
  return isObject(target) && typeof target.kind === 'string' ? target.kind : '';
}
