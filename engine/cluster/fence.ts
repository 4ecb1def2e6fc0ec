/** A client that writes only while it may: what stands between a former leader and the cluster. */
import { EngineError } from '../base/errors.ts';
import type { ClusterClient } from './api.ts';

/**
 * Reads pass; a write while `mayWrite` answers false fails with an EngineError `NotLeader` and is not sent. Asked at
 * each write, in the same turn of the event loop in which the request is handed over.
 */
export function fencedClient(client: ClusterClient, mayWrite: () => boolean): ClusterClient {
  const guard = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!mayWrite()) {
      throw new EngineError('NotLeader', 'this process is not the leader (any more): nothing was written', {
        hint: 'the leader does this work; nothing needs to be done',
      });
    }
    return write();
  };
  return {
    get: (...args) => client.get(...args),
    list: (...args) => client.list(...args),
    create: (...args) => guard(() => client.create(...args)),
    apply: (...args) => guard(() => client.apply(...args)),
    jsonPatch: (...args) => guard(() => client.jsonPatch(...args)),
    mergePatch: (...args) => guard(() => client.mergePatch(...args)),
    replace: (...args) => guard(() => client.replace(...args)),
    delete: (...args) => guard(() => client.delete(...args)),
    raw: (...args) => (args[0] === 'GET' ? client.raw(...args) : guard(() => client.raw(...args))),
  };
}
