import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConnectionPool } from '../../engine/cluster/pool.ts';

describe('a request that had to wait for a connection', () => {
  const arrived: string[] = [];
  const server = createServer((request, response) => {
    arrived.push(`${request.method} ${request.url}`);
    response.end('done');
  });
  let address: string;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // as: it listens on a port
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('is not sent where it may not be by then, and the connection serves the next one', async () => {
    const pool = createConnectionPool({ server: address, tls: {}, proxyUrl: undefined });
    let leading = true;
    const beforeSend = (): void => {
      if (!leading) throw new Error('leads no more');
    };
    const waiting = pool.request({ method: 'PUT', path: '/late', body: 'x', beforeSend });
    leading = false;
    await expect(waiting).rejects.toThrow('leads no more');
    leading = true;
    const { body } = await pool.request({ method: 'PUT', path: '/next', body: 'x', beforeSend });
    expect(await body.text()).toBe('done');
    expect(arrived).toEqual(['PUT /next']);
    await pool.destroy();
  });
});
