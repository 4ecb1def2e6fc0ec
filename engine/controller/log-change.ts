/**
 * Tells of each change that was sent: a log line that says what, on which object, for which resource and why (never a
 * value), and whoever else listens.
 */
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { describeRef, type KubeObject, refOf } from '../kube/object.ts';
import type { Change } from '../reconcile/model.ts';
import type { Sent } from './send.ts';

export type ChangeListener = (resource: KubeObject, change: Change, sent: Sent) => void;

interface Listeners {
  readonly logger: Logger;
  readonly onChange: ChangeListener | undefined;
}

export function tellChange(to: Listeners, ...[resource, change, sent]: Parameters<ChangeListener>): void {
  logChange(to.logger, resource, change, sent);
  to.onChange?.(resource, change, sent);
}

function logChange(logger: Logger, resource: KubeObject, change: Change, sent: Sent): void {
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

/** A write that is tried again: worth a warning when it keeps failing. */
export function logTransient(
  logger: Logger,
  ...[resource, error, failures]: [resource: KubeObject, error: unknown, failures: number]
): void {
  const fields = { resource: describeRef(refOf(resource)), failures, error: errorMessage(error) };
  if (failures < 5) logger.debug('a write failed and is tried again', fields);
  else logger.warn('a write keeps failing and is tried again', fields);
}
