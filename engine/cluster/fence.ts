/** A client that writes only while it may: what stands between a former leader and the cluster. */
import { EngineError } from '../base/errors.ts';
import type { ApplicationCalls, Cluster, ClusterClient } from './api.ts';

/** The same cluster, as whomever it acts: reads pass, writes and calls only while `mayWrite` answers true. */
export function fencedCluster(cluster: Cluster, mayWrite: () => boolean): Cluster {
  return {
    ...cluster,
    client: fencedClient(cluster.client, mayWrite),
    calls: fencedCalls(cluster.calls, mayWrite),
    actAs: (user, onDenied) => fencedCluster(cluster.actAs(user, onDenied), mayWrite),
  };
}

/**
 * Reads pass; a write while `mayWrite` answers false fails with an EngineError `NotLeader` and is not sent. Asked when
 * a connection takes the request, however long that had to wait for one, and again before a repetition.
 */
export function fencedClient(client: ClusterClient, mayWrite: () => boolean): ClusterClient {
  const beforeSend = fence(mayWrite);
  return {
    get: (...args) => client.get(...args),
    list: (...args) => client.list(...args),
    create: (body, options) => client.create(body, { ...options, beforeSend }),
    apply: (body, options) => client.apply(body, { ...options, beforeSend }),
    jsonPatch: (ref, operations, options) => client.jsonPatch(ref, operations, { ...options, beforeSend }),
    mergePatch: (ref, patch, options) => client.mergePatch(ref, patch, { ...options, beforeSend }),
    replace: (body, options) => client.replace(body, { ...options, beforeSend }),
    delete: (ref, options) => client.delete(ref, { ...options, beforeSend }),
    async raw(...args) {
      if (args[0] !== 'GET') beforeSend();
      return client.raw(...args);
    },
  };
}

/** Calls on applications change them, so a former leader makes none: they fail as `Cancelled`. */
function fencedCalls(calls: ApplicationCalls, mayWrite: () => boolean): ApplicationCalls {
  const beforeSend = fence(mayWrite);
  return {
    exec: (request) => calls.exec({ ...request, beforeSend }),
    http: (request) => calls.http({ ...request, beforeSend }),
  };
}

function fence(mayWrite: () => boolean): () => void {
  return () => {
    if (mayWrite()) return;
    throw new EngineError('NotLeader', 'this process is not the leader (any more): nothing was written', {
      hint: 'the leader does this work; nothing needs to be done',
    });
  };
}
