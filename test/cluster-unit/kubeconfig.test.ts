import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { kubeConfigContexts, loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a kubeconfig with two contexts; the second user and cluster are the ones under test. */
function kubeconfig(cluster: object, user: object = {}): string {
  const path = join(folder, 'config');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'other', cluster: { server: 'https://other:6443' } },
      { name: 'shop', cluster },
    ],
    users: [
      { name: 'other', user: {} },
      { name: 'shop', user },
    ],
    contexts: [
      { name: 'other', context: { cluster: 'other', user: 'other' } },
      { name: 'shop', context: { cluster: 'shop', user: 'shop', namespace: 'orders' } },
    ],
    'current-context': 'other',
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const server = 'https://shop.example.com:6443/';
const data = (text: string) => Buffer.from(text).toString('base64');

describe('a kubeconfig', () => {
  it('gives the server, the namespace and the TLS material of the named context', async () => {
    const user = { 'client-certificate-data': data('certificate'), 'client-key-data': data('key') };
    const path = kubeconfig(
      { server, 'certificate-authority-data': data('authority'), 'tls-server-name': 'api' },
      user,
    );
    const loaded = loadKubeConfig({ path, context: 'shop' });
    expect(loaded).toMatchObject({
      server: 'https://shop.example.com:6443',
      contextName: 'shop',
      namespace: 'orders',
    });
    expect(await loaded.credentials()).toEqual({
      tls: { ca: 'authority', cert: 'certificate', key: 'key', servername: 'api' },
      headers: {},
    });
  });

  it('says where a context leads to no cluster', () => {
    const path = kubeconfig({ server });
    writeFileSync(path, readFileSync(path, 'utf8').replace('"cluster":"shop"', '"cluster":"shops"'));
    expect(() => loadKubeConfig({ path, context: 'shop' })).toThrow(
      "context shop leads to no cluster with a server's address",
    );
  });

  it('offers its contexts by name', () => {
    expect(kubeConfigContexts(kubeconfig({ server }))).toEqual({
      names: ['other', 'shop'],
      current: 'other',
    });
  });

  it('gives a token, or a name and password, as the header that it becomes', async () => {
    const token = loadKubeConfig({ path: kubeconfig({ server }, { token: 't' }), context: 'shop' });
    expect((await token.credentials()).headers).toEqual({ authorization: 'Bearer t' });
    const basic = loadKubeConfig({
      path: kubeconfig({ server }, { username: 'u', password: 'p' }),
      context: 'shop',
    });
    expect((await basic.credentials()).headers).toEqual({ authorization: `Basic ${data('u:p')}` });
  });

  it('is read anew on demand: after a 401 the file may hold another token', async () => {
    const loaded = loadKubeConfig({ path: kubeconfig({ server }, { token: 'old' }), context: 'shop' });
    kubeconfig({ server }, { token: 'new' });
    expect((await loaded.credentials()).headers).toEqual({ authorization: 'Bearer old' });
    expect((await loaded.reload()).headers).toEqual({ authorization: 'Bearer new' });
  });

  it('asks an exec plugin, tells it what the protocol promises, and asks again when the token expired', async () => {
    const calls = join(folder, 'calls');
    const script = `echo "$KUBERNETES_EXEC_INFO" >> ${calls}; n=$(wc -l < ${calls}); echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"t$n\\",\\"expirationTimestamp\\":\\"2000-01-01T00:00:00Z\\"}}"`;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] };
    const loaded = loadKubeConfig({ path: kubeconfig({ server }, { exec }), context: 'shop' });
    expect((await loaded.credentials()).headers).toEqual({ authorization: 'Bearer t1' });
    expect((await loaded.credentials()).headers).toEqual({ authorization: 'Bearer t2' });
  });

  it('says what is wrong with an exec plugin', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', 'echo log in first >&2; exit 3'],
    };
    const loaded = loadKubeConfig({ path: kubeconfig({ server }, { exec }), context: 'shop' });
    await expect(loaded.credentials()).rejects.toMatchObject({
      code: 'KubeConfigInvalid',
      message: expect.stringContaining('log in first'),
    });
  });

  it('sends nothing unencrypted, but on loopback', () => {
    const load = (address: string) => () =>
      loadKubeConfig({ path: kubeconfig({ server: address }), context: 'shop' });
    expect(load('http://shop.example.com:8080')).toThrow(/without encryption/);
    expect(load('http://127.0.0.1:8080')).not.toThrow();
  });

  it.each([
    [() => loadKubeConfig({ path: kubeconfig({ server }), context: 'nope' }), /no context nope/],
    [
      () => loadKubeConfig({ path: kubeconfig({ server: 'not a url' }), context: 'shop' }),
      /not a server's address/,
    ],
    [() => loadKubeConfig({ path: join(folder, 'missing') }), /cannot read the kubeconfig/],
  ])('says what is wrong (%#)', (load, message) => {
    expect(load).toThrow(message);
  });
});
