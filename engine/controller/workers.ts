/**
 * The workers: take keys from the queue and hand them to the lane's handler, so many at once as `concurrency` says.
 * A worker that waits for the API server leaves the event loop to the others. Nothing is taken before `start`.
 */
import type { Lane, WorkQueue } from './queue.ts';

/** Does the work on one key; must not reject (what it throws is given to `onError` and the key is retried). */
export type Handler = (key: string) => Promise<void>;

export interface Workers {
  start(): void;
  /** Takes nothing more; resolves when what runs has ended. */
  stop(): Promise<void>;
  readonly running: number;
}

export interface WorkersOptions {
  readonly queue: WorkQueue;
  readonly concurrency: number;
  readonly handlerOf: (lane: Lane) => Handler | undefined;
  readonly onError: (lane: Lane, key: string, error: unknown) => void;
}

export function createWorkers(options: WorkersOptions): Workers {
  let running = 0;
  let state: 'new' | 'started' | 'stopped' = 'new';
  const idle = Promise.withResolvers<void>();

  const fill = (): void => {
    while (state === 'started' && running < options.concurrency) {
      const taken = options.queue.take();
      if (taken === undefined) return;
      running++;
      void work(options, taken.lane, taken.key).then(() => {
        running--;
        taken.done();
        if (state === 'stopped' && running === 0) idle.resolve();
        fill();
      });
    }
  };
  options.queue.onReady(fill);
  return {
    start() {
      if (state === 'new') state = 'started';
      fill();
    },
    stop() {
      state = 'stopped';
      if (running === 0) idle.resolve();
      return idle.promise;
    },
    get running() {
      return running;
    },
  };
}

async function work(options: WorkersOptions, lane: Lane, key: string): Promise<void> {
  try {
    await options.handlerOf(lane)?.(key);
  } catch (error) {
    options.onError(lane, key, error);
    lane.retry(key);
  }
}
