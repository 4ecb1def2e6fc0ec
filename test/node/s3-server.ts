/**
 * A real S3 server for the tests: Versity's S3 gateway over folders of this machine, built from the Go module in
 * ./go/versitygw and cached. It listens on this machine's end of the node's network, where pods reach it, and has a
 * certificate of an authority of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { Agent, fetch } from 'undici';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { issueServer, openPki } from '../../engine/embedded/pki.ts';
import { freePorts } from '../../engine/embedded/ports.ts';
import { eventually } from './engine-kit.ts';
import { ensureGoProgram } from './go-program.ts';
import { testKubeconfigPath } from './harness.ts';

/** With what must be quoted on the way to the server. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'a"b\\c/d+e=f' } as const;

export interface S3Server {
  readonly endpoint: string;
  /** The authority's certificate, as PEM. */
  readonly ca: string;
  /** Goes on with the data that was there. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes the data. */
  remove(): Promise<void>;
  /** A request that is signed by a client of its own; the path begins with the bucket. */
  ask(method: string, path: string, body?: string): Promise<S3Answer>;
}

export interface S3Answer {
  readonly status: number;
  readonly text: string;
}

export async function startS3Server(): Promise<S3Server> {
  const program = await ensureGoProgram('versitygw', 'github.com/versity/versitygw/cmd/versitygw');
  const folder = await mkdtemp(join(tmpdir(), 'libretto-s3-'));
  for (const part of ['buckets', 'versions']) mkdirSync(join(folder, part));
  const { hostname } = new URL(loadKubeConfig({ path: testKubeconfigPath() }).server);
  const [port = 0] = await freePorts(1);
  const endpoint = `https://${hostname}:${port}`;
  const pki = await openPki({ folder: join(folder, 'pki'), now: Date.now() });
  const issued = await issueServer(pki, { commonName: 'store', hosts: [hostname], now: Date.now() });
  const { certificateFile, keyFile } = await pki.store('store', issued);
  const ca = readFileSync(pki.authorityFile, 'utf8');
  const dispatcher = new Agent({ connect: { ca } });
  const client = new AwsClient({
    accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
    secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    service: 's3',
    region: 'us-east-1',
    retries: 0,
  });
  let child: ChildProcess | undefined;
  const server: S3Server = {
    endpoint,
    ca,
    async start() {
      child = serve(program, folder, [
        '--port',
        `${hostname}:${port}`,
        '--cert',
        certificateFile,
        '--key',
        keyFile,
      ]);
      await eventually(
        'the S3 server',
        async () => (await server.ask('GET', '')).status === 200 || undefined,
        30,
      );
    },
    async stop() {
      if (child === undefined || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
    async remove() {
      await server.stop();
      await dispatcher.destroy();
      await rm(folder, { recursive: true, force: true });
    },
    async ask(method, path, body) {
      const content = body === undefined ? {} : { body };
      const signed = await client.sign(`${endpoint}/${path}`, { method, ...content });
      const headers = Object.fromEntries(signed.headers);
      const answer = await fetch(signed.url, { method, headers, ...content, dispatcher });
      return { status: answer.status, text: await answer.text() };
    },
  };
  await server.start();
  return server;
}

function serve(program: string, folder: string, options: readonly string[]): ChildProcess {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = CREDENTIALS;
  const folders = ['--versioning-dir', join(folder, 'versions'), join(folder, 'buckets')];
  const args = ['--quiet', ...options, 'posix', ...folders];
  const env = {
    ROOT_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
    ROOT_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
    PATH: '',
  };
  const child = spawn(program, args, { env, stdio: 'ignore' });
  process.once('exit', () => child.kill());
  return child;
}
