/** One log line for each change that was sent: what, on which object, for which resource, why. Never a value. */
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { describeRef, type KubeObject, refOf } from '../kube/object.ts';
import type { Change } from '../reconcile/model.ts';
import type { Sent } from './send.ts';

export function logChange(logger: Logger, resource: KubeObject, change: Change, sent: Sent): void {
  const fields = { resource: describeRef(refOf(resource)), object: describeRef(change.ref), why: change.why };
  switch (sent.kind) {
    case 'done':
      logger.info(sent.result, fields);
      return;
    case 'refused':
      logger.warn(`${change.kind} refused`, {
        ...fields,
        refusal: sent.failure.kind,
        error: sent.failure.message,
      });
      return;
    case 'transient':
      logger.debug(`${change.kind} failed, will be tried again`, {
        ...fields,
        error: errorMessage(sent.error),
      });
  }
}
