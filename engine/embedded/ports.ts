/**
 * Free ports on the loopback interface. They are taken from below the range that systems give to outgoing
 * connections (Linux 32768, macOS 49152), so that none is lost while a server restarts.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { EngineError } from '../base/errors.ts';

const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 200;

/** `count` different ports that nothing listened on a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count && tries < TRIES; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size < count) {
    throw new EngineError(
      'NoFreePort',
      `no ${count} free ports between ${LOWEST} and ${HIGHEST} on 127.0.0.1`,
    );
  }
  return [...found];
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
