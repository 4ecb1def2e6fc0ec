/** The life of S3Buckets in a real S3 server with real objects: each test goes on where the one before it ended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeOperator, eventually, read, report, runsOf } from './engine-kit.ts';
import { apply, kubectl } from './harness.ts';
import { CREDENTIALS, type S3Server, startS3Server } from './s3-server.ts';

const API_VERSION = 'storage.libretto.dev/v1alpha1';

const VERSIONING =
  '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';

interface S3BucketObject {
  readonly metadata: { readonly generation: number };
  readonly spec: object;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly arn?: string;
    readonly exists?: boolean;
    readonly versioning?: string;
    readonly lastSync?: string;
    readonly conditions?: readonly Condition[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

describeOperator('S3Bucket', ['s3bucket'], (site) => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    const data = { 'ca.crt': server.ca };
    await apply(site.namespace, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'store-ca' },
      data,
    });
  });
  afterAll(async () => {
    // While there is an engine that lets them go.
    await kubectl(['delete', 's3bucket', '--all', '-n', site.namespace, '--timeout=60s']);
    await server.remove();
  });

  const put = (name: string, spec: object) =>
    eventually('the definition of S3Bucket', async () => {
      const all = {
        bucket: name,
        endpoint: server.endpoint,
        credentialsSecret: 'store',
        caConfigMap: 'store-ca',
        image: 'databases:1',
        ...spec,
      };
      await apply(site.namespace, {
        apiVersion: API_VERSION,
        kind: 'S3Bucket',
        metadata: { name },
        spec: all,
      });
      return true;
    });
  const change = (name: string, spec: object) =>
    kubectl([
      'patch',
      's3bucket',
      name,
      '-n',
      site.namespace,
      '--type=merge',
      '-p',
      JSON.stringify({ spec }),
    ]);
  const bucket = (name: string) => read<S3BucketObject>(site.namespace, `s3bucket/${name}`);
  const remove = (name: string) =>
    kubectl(['delete', 's3bucket', name, '-n', site.namespace, '--wait=false']);
  const untilGone = (name: string) =>
    kubectl(['wait', '--for=delete', `s3bucket/${name}`, '-n', site.namespace, '--timeout=150s']);

  /** Resolves with the condition once it stands so. */
  const condition = (name: string, type: string, status: string, says = '') =>
    eventually(`${type}=${status} of ${name}`, async () => {
      const { metadata, status: state } = await bucket(name);
      if (state?.observedGeneration !== metadata.generation) return undefined;
      return state.conditions?.find(
        (c) => c.type === type && c.status === status && c.message.includes(says),
      );
    });
  /** What a step of an action's run says, once that names `says`. */
  const newestStep = (name: string, action: string, says: string) =>
    eventually(`${action} of ${name} that says ${says}`, async () => {
      const steps = (await runsOf(site.namespace, name, action)).flatMap(({ status }) => status?.steps ?? []);
      return steps.map(({ message }) => message ?? '').find((message) => message.includes(says));
    });
  /** Seconds from now until the server says so. */
  const storeSays = async (path: string, status: number, text = ''): Promise<number> => {
    const began = Date.now();
    await eventually(`${status} ${text} of ${path}`, async () => {
      const answer = await server.ask('GET', path);
      return (answer.status === status && answer.text.includes(text)) || undefined;
    });
    return Math.round((Date.now() - began) / 100) / 10;
  };

  test('waits for the credentials, then creates the bucket, which takes objects', async () => {
    await put('media', { deletionPolicy: 'Delete' });
    const waiting = await condition('media', 'CredentialsFound', 'False');
    expect(waiting).toMatchObject({ reason: 'SecretMissing' });
    const began = Date.now();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'store' }, stringData: CREDENTIALS };
    await apply(site.namespace, secret);
    await condition('media', 'Ready', 'True');
    const seconds = Math.round((Date.now() - began) / 1000);
    expect((await server.ask('PUT', 'media/greeting.txt', 'hello')).status).toBe(200);
    expect(await server.ask('GET', 'media/greeting.txt')).toEqual({ status: 200, text: 'hello' });
    const { status } = await bucket('media');
    expect(status).toMatchObject({ exists: true, arn: 'arn:aws:s3:::media' });
    report('S3Bucket created once its Secret came', 'an object was put and read by another client', seconds);
  });

  test('shows no credential in runs, status and Events', async () => {
    for (const what of ['actionruns', 's3buckets', 'events', 'configmaps', 'pods'])
      expect(await kubectl(['get', what, '-n', site.namespace, '-o', 'yaml'])).not.toContain('c/d+e=f');
  });

  test('changes versioning and tags: both versions of an object are kept', async () => {
    const began = Date.now();
    await change('media', { versioning: 'Enabled', tags: { team: 'shop', 'cost-centre': '42' } });
    await condition('media', 'Ready', 'True');
    const seconds = Math.round((Date.now() - began) / 1000);
    expect((await server.ask('GET', 'media?versioning=')).text).toContain('<Status>Enabled</Status>');
    const tags = (await server.ask('GET', 'media?tagging=')).text;
    expect(tags).toContain('<Key>team</Key><Value>shop</Value>');
    expect(tags).toContain('<Key>cost-centre</Key><Value>42</Value>');
    await server.ask('PUT', 'media/greeting.txt', 'hello again');
    const versions = (await server.ask('GET', 'media?versions=')).text;
    expect(versions.match(/<VersionId>/g)).toHaveLength(2);
    expect((await server.ask('GET', 'media/greeting.txt')).text).toBe('hello again');
    report('versioning enabled and tags set by the spec', 'both versions of the object are kept', seconds);
  });

  test('takes back what somebody changed in the store', async () => {
    const suspended = VERSIONING.replace('Enabled', 'Suspended');
    expect((await server.ask('PUT', 'media?versioning=', suspended)).status).toBe(200);
    expect((await server.ask('DELETE', 'media?tagging=')).status).toBe(204);
    const seconds = await storeSays('media?versioning=', 200, '<Status>Enabled</Status>');
    await storeSays('media?tagging=', 200, '<Value>shop</Value>');
    await condition('media', 'Ready', 'True');
    expect((await server.ask('GET', 'media/greeting.txt')).text).toBe('hello again');
    report('versioning and tags changed in the store', 'both are back, the object is there', seconds);
  });

  test('creates a bucket anew that was removed in the store, with its settings', async () => {
    await put('cache', { versioning: 'Enabled', tags: { team: 'shop' } });
    await condition('cache', 'Ready', 'True');
    expect((await server.ask('DELETE', 'cache')).status).toBe(204);
    const seconds = await storeSays('cache?versioning=', 200, '<Status>Enabled</Status>');
    await storeSays('cache?tagging=', 200, '<Value>shop</Value>');
    await condition('cache', 'Ready', 'True');
    expect((await server.ask('PUT', 'cache/one', '1')).status).toBe(200);
    const [run] = await runsOf(site.namespace, 'cache', 'recreate');
    expect(run?.status).toMatchObject({ phase: 'Succeeded' });
    report('bucket removed in the store', 'it is back with versioning and tags, and takes objects', seconds);
  });

  test('does nothing while the store does not answer, and says so', async () => {
    await server.stop();
    const told = await condition('cache', 'Reachable', 'False', 'did not answer');
    expect(told.reason).toBe('StoreNotReached');
    await condition('cache', 'Ready', 'False', 'did not answer');
    const began = Date.now();
    await server.start();
    await condition('cache', 'Ready', 'True');
    expect(await runsOf(site.namespace, 'cache', 'recreate')).toHaveLength(1);
    expect((await server.ask('GET', 'cache/one')).text).toBe('1');
    const seconds = Math.round((Date.now() - began) / 1000);
    report('the store is stopped and started', 'the object is there, no action ran meanwhile', seconds);
  });

  test('keeps a bucket with its objects when the S3Bucket is deleted, and takes it over again only when told', async () => {
    await remove('cache');
    await untilGone('cache');
    expect((await server.ask('GET', 'cache/one')).text).toBe('1');
    await put('cache', { deletionPolicy: 'Delete' });
    const refused = await newestStep('cache', 'create', 'spec.adopt');
    expect(refused).toContain('was not made for this S3Bucket');
    await condition('cache', 'Ready', 'False');
    await change('cache', { adopt: true });
    await condition('cache', 'Ready', 'True');
    expect((await server.ask('GET', 'cache/one')).text).toBe('1');
    await change('cache', { deletionPolicy: 'Retain' });
    report('S3Bucket deleted with Retain, made anew, adopted', 'the object is there');
  });

  test('never removes a bucket that it did not make', async () => {
    expect((await server.ask('PUT', 'foreign')).status).toBe(200);
    expect((await server.ask('PUT', 'foreign/theirs', 'x')).status).toBe(200);
    await put('foreign', { deletionPolicy: 'Delete', emptyOnDelete: true });
    await newestStep('foreign', 'create', 'spec.adopt');
    await remove('foreign');
    await untilGone('foreign');
    expect((await server.ask('GET', 'foreign/theirs')).text).toBe('x');
    report('S3Bucket named like a bucket of others, then deleted with Delete', 'their object is there');
  });

  test('says so where the store refuses the credentials, or is not trusted', async () => {
    const stringData = { ...CREDENTIALS, AWS_SECRET_ACCESS_KEY: 'guessed' };
    await apply(site.namespace, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'wrong' },
      stringData,
    });
    await put('denied', { credentialsSecret: 'wrong' });
    await condition('denied', 'Reachable', 'False', '403 SignatureDoesNotMatch');
    await condition('denied', 'ActionFailed', 'True', '403 SignatureDoesNotMatch');
    await remove('denied');
    await untilGone('denied');
    expect((await server.ask('GET', 'denied')).text).toContain('NoSuchBucket');
    await put('distrusted', { caConfigMap: null });
    await condition('distrusted', 'Reachable', 'False', 'certificate');
    await remove('distrusted');
    await untilGone('distrusted');
    report('S3Bucket with wrong credentials, one with an unknown authority', 'no bucket was made');
  });

  test('refuses to delete a bucket that holds objects, until told to empty it', async () => {
    const names = [...Array(230).keys()].map((n) => `folder ${n % 7}/a&b <${n}>'"+ü.txt`);
    for (const name of names) {
      const path = name.split('/').map(encodeURIComponent).join('/');
      expect((await server.ask('PUT', `media/${path}`, name)).status).toBe(200);
    }
    await remove('media');
    const refused = await newestStep('media', 'remove', 'emptyOnDelete');
    expect(refused).toContain('holds objects');
    expect((await server.ask('GET', 'media/greeting.txt')).text).toBe('hello again');
    const began = Date.now();
    await change('media', { emptyOnDelete: true });
    await untilGone('media');
    expect((await server.ask('GET', 'media')).text).toContain('NoSuchBucket');
    const seconds = Math.round((Date.now() - began) / 1000);
    report(
      'deletion refused while objects are there',
      '232 versions of 231 objects removed once told',
      seconds,
    );
  });
});
