/** Keeps the process alive while work that waits on nothing but `Clock` timers (which do not) is under way. */

const LONG_MS = 2 ** 30;

export async function holdProcess<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, LONG_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
