/** Why something cannot be done now, in the two ways there are: it is waited for, or the user must change something. */
import type { Place } from '../base/diagnostic.ts';

export type Blocker =
  | {
      readonly kind: 'pending';
      readonly reason: string;
      readonly message: string;
      /** Epoch ms, where time itself decides. */
      readonly wakeAt?: number;
      /**
       * Nothing is known, not even an absence. `syncing`: a first list is under way, which is not worth a status
       * (each restart would write one). `failing`: the list fails.
       */
      readonly unknown?: 'syncing' | 'failing';
    }
  | {
      readonly kind: 'terminal';
      readonly reason: string;
      readonly message: string;
      readonly wakeAt?: number;
    };

/** The reason where a right is missing. */
export const DENIED = 'Forbidden';

export function pending(reason: string, message: string, wakeAt?: number): Blocker {
  return { kind: 'pending', reason, message, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

/** Pending on a list that is not there yet, or that fails for the given reason; `denied`: for want of a right. */
export function unknown(
  subject: string,
  { failure, denied = false }: { readonly failure?: string; readonly denied?: boolean } = {},
): Blocker {
  return failure === undefined
    ? {
        kind: 'pending',
        reason: 'Synchronizing',
        message: `waits for the first list of ${subject}`,
        unknown: 'syncing',
      }
    : {
        kind: 'pending',
        reason: denied ? DENIED : 'ListFailed',
        message: `${subject} cannot be listed: ${failure}`,
        unknown: 'failing',
      };
}

export function isUnknown(blocker: Blocker): boolean {
  return blocker.kind === 'pending' && blocker.unknown !== undefined;
}

export function terminal(reason: string, message: string): Blocker {
  return { kind: 'terminal', reason, message };
}

/** `file:line:column`. */
export function formatPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

const SHOWN_PROBLEMS = 5;

/** Several problems as one message; the first few in full. */
export function joinMessages(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  const shown = unique.slice(0, SHOWN_PROBLEMS).join('; ');
  return unique.length > SHOWN_PROBLEMS ? `${shown}; and ${unique.length - SHOWN_PROBLEMS} more` : shown;
}

/** True where nothing may be said to the user yet, since a first list is under way. */
export function isSilent(blockers: readonly Blocker[]): boolean {
  return blockers.some(
    (blocker) => isUnknown(blocker) && blocker.kind === 'pending' && blocker.unknown === 'syncing',
  );
}
