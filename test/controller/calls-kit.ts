/** What the tests of effects and probes share: calls that end when the test says so, and time that the test moves. */
import type { Clock } from '../../engine/base/clock.ts';
import type {
  ApplicationCalls,
  ExecAnswer,
  ExecRequest,
  HttpAnswer,
  HttpRequest,
} from '../../engine/cluster/api.ts';
import type { EffectCall } from '../../engine/reconcile/effect.ts';

export interface OpenCall {
  readonly request: ExecRequest | HttpRequest;
  answer(answer: ExecAnswer | HttpAnswer): Promise<void>;
}

export interface HeldCalls extends ApplicationCalls {
  readonly open: readonly OpenCall[];
  /** How many were ever made. */
  readonly made: number;
}

/** An aborted call ends as `Cancelled` by itself, as the real ones do. */
export function heldCalls(): HeldCalls {
  const open: OpenCall[] = [];
  let made = 0;
  const hold = <A extends ExecAnswer | HttpAnswer>(request: ExecRequest | HttpRequest): Promise<A> => {
    made += 1;
    return new Promise<A>((resolve) => {
      const entry: OpenCall = {
        request,
        async answer(answer) {
          open.splice(open.indexOf(entry), 1);
          resolve(answer as A); // as: the test answers an exec with an exec's answer
          await settled();
        },
      };
      open.push(entry);
      request.signal?.addEventListener('abort', () => void entry.answer(CANCELLED), { once: true });
    });
  };
  return {
    open,
    get made() {
      return made;
    },
    exec: (request) => hold(request),
    http: (request) => hold(request),
  };
}

const CANCELLED: ExecAnswer = { kind: 'failed', reason: 'Cancelled', message: 'ended' };

export const EXEC: Extract<EffectCall, { kind: 'exec' }> = {
  kind: 'exec',
  namespace: 'shop',
  pod: 'db-0',
  command: ['true'],
};

export function said(stdout: string, exitCode = 0): ExecAnswer {
  return { kind: 'exec', exitCode, stdout, stderr: '', truncated: false };
}

/** Everything that waits for promises alone has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface TestClock extends Clock {
  pass(ms: number): Promise<void>;
}

/** Stands still until told. */
export function testClock(start = 1_700_000_000_000): TestClock {
  let now = start;
  const due = new Map<() => void, number>();
  return {
    now: () => now,
    monotonic: () => now,
    after(delayMs, action) {
      due.set(action, now + delayMs);
      return { cancel: () => void due.delete(action) };
    },
    async pass(ms) {
      const end = now + ms;
      for (let next = earliest(due, end); next !== undefined; next = earliest(due, end)) {
        now = Math.max(now, due.get(next) ?? now);
        due.delete(next);
        next();
        await settled();
      }
      now = end;
    },
  };
}

function earliest(due: ReadonlyMap<() => void, number>, end: number): (() => void) | undefined {
  return [...due].filter(([, at]) => at <= end).sort(([, a], [, b]) => a - b)[0]?.[0];
}
