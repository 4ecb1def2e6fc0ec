import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority, issueCertificate } from '../../engine/base/certificates.ts';
import type { Cluster, ExecRequest, HttpAnswer, HttpRequest } from '../../engine/cluster/api.ts';
import { isObject, type JsonObject } from '../../engine/kube/object.ts';
import { connect, poll, WRITE } from './cluster-support.ts';
import { testNamespace } from './harness.ts';

const POD = { group: '', version: 'v1', kind: 'Pod' };

function pod(namespace: string, name: string, spec: JsonObject): JsonObject {
  const containers = ['main', 'side'].map((each) => ({ name: each, image: 'example.com/none:1' }));
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec: { containers, ...spec } };
}

async function runningPod(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.client.create(pod(namespace, 'db-0', {}), WRITE);
  await poll(async () => {
    const { status } = (await cluster.client.get({ ...POD, namespace, name: 'db-0' })) ?? {};
    return isObject(status) && status['phase'] === 'Running';
  });
}

function exec(namespace: string, changes: Partial<ExecRequest> = {}): ExecRequest {
  return { namespace, pod: 'db-0', command: ['true'], timeoutMs: 20_000, ...changes };
}

describe('exec', () => {
  test('says which pod or container is missing, or why it does not run', async () => {
    const cluster = await connect();
    const namespace = await testNamespace('calls');
    expect(await cluster.calls.exec(exec(namespace))).toEqual({
      kind: 'failed',
      reason: 'PodNotFound',
      message: `there is no pod ${namespace}/db-0`,
    });
    await cluster.client.create(
      pod(namespace, 'waiting', { schedulingGates: [{ name: 'example.com/never' }] }),
      WRITE,
    );
    expect(await cluster.calls.exec(exec(namespace, { pod: 'waiting' }))).toMatchObject({
      reason: 'PodNotRunning',
      message: `main of the pod ${namespace}/waiting does not run: the pod is Pending`,
    });
    expect(await cluster.calls.exec(exec(namespace, { pod: 'waiting', container: 'other' }))).toMatchObject({
      reason: 'ContainerNotFound',
      message: expect.stringContaining('main, side'),
    });
  });

  test('that no kubelet answers is a failure, in bounded time', async () => {
    const cluster = await connect();
    const namespace = await testNamespace('calls');
    await runningPod(cluster, namespace);
    const answer = await cluster.calls.exec(exec(namespace));
    expect(answer).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/ExecFailed|Unreachable|TimedOut/),
    });
  });

  test('ends as Cancelled when its caller ends it, and as TimedOut in time', async () => {
    const cluster = await connect();
    const namespace = await testNamespace('calls');
    await runningPod(cluster, namespace);
    const signal = AbortSignal.abort();
    expect(await cluster.calls.exec(exec(namespace, { signal }))).toMatchObject({ reason: 'Cancelled' });
    const late = await cluster.calls.exec(exec(namespace, { timeoutMs: 1 }));
    expect(late).toMatchObject({ kind: 'failed', reason: 'TimedOut' });
  });

  test('without the right to it is Forbidden', async () => {
    const admin = await connect();
    const namespace = await testNamespace('calls');
    await runningPod(admin, namespace);
    await grant(admin, namespace, { resources: ['pods'], verbs: ['get'] });
    const reader = await connect({ impersonate: { user: `reader-${namespace}` } });
    expect(await reader.calls.exec(exec(namespace))).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining('pods/exec'),
    });
  });

  test('is not made where its caller may not write any more', async () => {
    const cluster = await connect();
    const namespace = await testNamespace('calls');
    await runningPod(cluster, namespace);
    const beforeSend = (): void => {
      throw new Error('not the leader');
    };
    expect(await cluster.calls.exec(exec(namespace, { beforeSend }))).toMatchObject({
      message: 'not the leader',
    });
  });
});

async function grant(cluster: Cluster, namespace: string, rule: JsonObject): Promise<void> {
  const metadata = { namespace, name: 'reader' };
  const group = 'rbac.authorization.k8s.io';
  await cluster.client.create(
    { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules: [{ apiGroups: [''], ...rule }] },
    WRITE,
  );
  await cluster.client.create(
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: group, kind: 'User', name: `reader-${namespace}` }],
    },
    WRITE,
  );
}

async function serve(
  listener: RequestListener,
  make: (l: RequestListener) => Server = createServer,
): Promise<number> {
  const server = make(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port; // as: it listens on TCP
}

async function http(changes: Partial<HttpRequest> & Pick<HttpRequest, 'url'>): Promise<HttpAnswer> {
  const cluster = await connect();
  return await cluster.calls.http({ method: 'GET', headers: {}, timeoutMs: 5_000, ...changes });
}

describe('an HTTP call', () => {
  test('sends method, headers and body, and brings back status, headers and body', async () => {
    const port = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        response.writeHead(418, { 'x-said': [`${request.method} ${request.headers['x-asked']}`, 'twice'] });
        response.end(`got ${body}`);
      });
    });
    const url = `http://127.0.0.1:${port}/path?a=b`;
    expect(await http({ url, method: 'PUT', headers: { 'X-Asked': 'this' }, body: 'wörld' })).toMatchObject({
      kind: 'http',
      status: 418,
      headers: { 'x-said': 'PUT this, twice' },
      body: 'got wörld',
      truncated: false,
    });
  });

  test('follows no redirect, and sends nothing of the cluster along', async () => {
    let authorization: string | undefined;
    const port = await serve((request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(302, { location: 'http://169.254.169.254/' });
      response.end();
    });
    expect(await http({ url: `http://127.0.0.1:${port}/` })).toMatchObject({
      status: 302,
      headers: { location: 'http://169.254.169.254/' },
    });
    expect(authorization).toBeUndefined();
  });

  test('keeps 64 KiB of a body without an end', async () => {
    const port = await serve((_request, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    const answer = await http({ url: `http://127.0.0.1:${port}/` });
    expect(answer).toMatchObject({ status: 200, truncated: true });
    expect(answer.kind === 'http' && answer.body.length).toBe(64 * 1024);
  });

  test('ends in time, before the answer or in the middle of it', async () => {
    const silent = await serve(() => undefined);
    const slow = await serve((_request, response) => {
      response.write('one');
    });
    for (const port of [silent, slow])
      expect(await http({ url: `http://127.0.0.1:${port}/x?secret=1`, timeoutMs: 200 })).toEqual({
        kind: 'failed',
        reason: 'TimedOut',
        message: `GET http://127.0.0.1:${port}/x: no answer within 0.2 s`,
      });
  });

  test('trusts the bundle that it was given, and no other', async () => {
    const now = Date.now();
    const authority = await createAuthority({ commonName: 'test', now, validDays: 1 });
    const server = await issueCertificate(authority, {
      commonName: 'server',
      usages: ['server'],
      hosts: ['127.0.0.1'],
      now,
      validDays: 1,
    });
    const port = await serve(
      (_request, response) => void response.end('safe'),
      (listener) => createTlsServer({ cert: server.certificate, key: server.privateKey }, listener),
    );
    const url = `https://127.0.0.1:${port}/`;
    expect(await http({ url, ca: authority.certificate })).toMatchObject({ status: 200, body: 'safe' });
    expect(await http({ url })).toMatchObject({ kind: 'failed', reason: 'Unreachable' });
  });

  test('that can not be made says why', async () => {
    expect(await http({ url: 'ftp://example.com' })).toMatchObject({ reason: 'BadRequest' });
    expect(await http({ url: 'not a url' })).toMatchObject({ reason: 'BadRequest' });
    expect(await http({ url: 'http://127.0.0.1:1/' })).toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('GET http://127.0.0.1:1/'),
    });
  });
});
