import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts, isFree } from '../../engine/embedded/ports.ts';

test('free ports differ, are free, and lie below the range of outgoing connections', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
  expect(await Promise.all(ports.map(isFree))).not.toContain(false);
});

test('a port that is listened on is not free', async () => {
  const [port = 0] = await freePorts(1);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await isFree(port)).toBe(false);
  server.close();
});
