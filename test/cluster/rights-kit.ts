/**
 * What the tests of rights share: a control plane that keeps an audit log, an engine that logs in with the token of its
 * own ServiceAccount, the rights that `libretto rbac` prints, and every denial of a libretto account in that log.
 */
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../engine/base/clock.ts';
import { createLogger, type LogLevel, silentLogger } from '../../engine/base/logger.ts';
import type { Cluster } from '../../engine/cluster/api.ts';
import { type ConnectOptions, connectCluster } from '../../engine/cluster/connect.ts';
import { loadKubeConfig } from '../../engine/cluster/kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../../engine/embedded/control-plane.ts';
import { isObject, type JsonObject } from '../../engine/kube/object.ts';
import { type Operator, type OperatorOptions, startOperator } from '../../engine/operator/operator.ts';
import { libretto } from '../cli/libretto.ts';
import { WRITE } from './cluster-support.ts';

export interface Stage {
  readonly plane: ControlPlane;
  readonly admin: Cluster;
  close(): Promise<void>;
}

/** A control plane of the test's own: the log of one that is shared would hold the denials of other tests. */
export async function startStage(): Promise<Stage> {
  const plane = await startControlPlane({ kwokNodes: 1, auditLog: true });
  const admin = await connectAt(plane.kubeconfigPath);
  return {
    plane,
    admin,
    async close() {
      await admin.close();
      await plane.stop();
    },
  };
}

function connectAt(path: string, options: Partial<ConnectOptions> = {}): Promise<Cluster> {
  const kubeconfig = loadKubeConfig({ path });
  const common = { clock: systemClock(), logger: logger(), userAgent: 'libretto/test' };
  return connectCluster({ kubeconfig, ...common, ...options });
}

function logger(): ReturnType<typeof silentLogger> {
  const level = process.env['LIBRETTO_TEST_LOG'];
  return level === undefined ? silentLogger() : createLogger({ level: level as LogLevel }); // as: a developer's aid
}

/** What `libretto rbac ARGUMENTS | kubectl apply -f -` does; answers with what it applied. */
export async function applyRbac(admin: Cluster, ...argv: readonly string[]): Promise<readonly JsonObject[]> {
  const { out, err, code } = await libretto('rbac', ...argv, '--output', 'json');
  if (code !== 0) throw new Error(err);
  const { items }: { items: readonly JsonObject[] } = JSON.parse(out);
  for (const item of items) await admin.client.apply(item, { ...WRITE, force: true });
  return items;
}

export async function createNamespace(admin: Cluster, name: string): Promise<void> {
  await admin.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, WRITE);
}

/** The same of a playbook that is no shipped one: its folder is made for it. */
export async function applyRbacOf(
  admin: Cluster,
  name: string,
  files: Readonly<Record<string, string>>,
  ...argv: readonly string[]
): Promise<readonly JsonObject[]> {
  const root = await mkdtemp(join(tmpdir(), 'libretto-playbook-'));
  try {
    await mkdir(join(root, name));
    for (const [file, text] of Object.entries(files)) await writeFile(join(root, name, file), text);
    return await applyRbac(admin, join(root, name), ...argv);
  } finally {
    await rm(root, { recursive: true });
  }
}

/** An engine as the ServiceAccount `libretto` of its namespace: with a token, as in a pod. Ends with the test. */
export async function startAsItself(
  stage: Stage,
  options: Pick<OperatorOptions, 'namespace'> & Partial<OperatorOptions>,
): Promise<Operator> {
  const path = await accountKubeconfig(stage, options.namespace);
  const cluster = await connectAt(path);
  onTestFinished(() => cluster.close());
  const operator = await startOperator({
    cluster,
    clock: systemClock(),
    logger: logger(),
    instance: 'test',
    impersonate: true,
    ...options,
  });
  onTestFinished(() => operator.stop());
  return operator;
}

async function accountKubeconfig({ plane, admin }: Stage, namespace: string): Promise<string> {
  const answer = await admin.client.raw(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/libretto/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
  );
  const status = isObject(answer) && isObject(answer['status']) ? answer['status'] : {};
  const folder = await mkdtemp(join(tmpdir(), 'libretto-rights-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'kubeconfig');
  const authority = Buffer.from(plane.caData).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'own', cluster: { server: plane.server, 'certificate-authority-data': authority } }],
    users: [{ name: 'own', user: { token: String(status['token']) } }],
    contexts: [{ name: 'own', context: { cluster: 'own', user: 'own' } }],
    'current-context': 'own',
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

interface Entry {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Audited {
  /** Who acted; `account as playbook-account` without their namespaces. */
  readonly who: string;
  readonly what: string;
  readonly denied: boolean;
}

const ACCOUNT = /^system:serviceaccount:[^:]+:(libretto(?:-.*)?)$/;

/** Every request of a libretto account that the API server has answered by now. */
export async function audited({ plane }: Stage): Promise<readonly Audited[]> {
  if (plane.auditLogPath === undefined) throw new Error('the control plane keeps no audit log');
  const found: Audited[] = [];
  for await (const line of createInterface({ input: createReadStream(plane.auditLogPath) })) {
    if (!line.includes(':libretto')) continue;
    const entry: Entry = JSON.parse(line);
    const names = [entry.user.username, entry.impersonatedUser?.username ?? ''];
    const [self, acting] = names.map((name) => ACCOUNT.exec(name)?.[1]);
    if (self === undefined && acting === undefined) continue;
    const who = acting === undefined ? String(self) : `${self ?? entry.user.username} as ${acting}`;
    const what = `${entry.verb} ${entry.requestURI.split('?', 1)[0]}`;
    found.push({ who, what, denied: isDenied(entry) });
  }
  return found;
}

/** By the authorizer, or because it may not act as somebody; a full quota or a closing namespace is none. */
function isDenied({ annotations, responseStatus }: Entry): boolean {
  return (
    annotations?.['authorization.k8s.io/decision'] === 'forbid' ||
    (responseStatus?.code === 403 && /User "[^"]+" cannot /.test(responseStatus.message ?? ''))
  );
}

export async function denials(stage: Stage): Promise<readonly string[]> {
  const denied = (await audited(stage)).filter((one) => one.denied);
  return [...new Set(denied.map(({ who, what }) => `${who}: ${what}`))].toSorted();
}
