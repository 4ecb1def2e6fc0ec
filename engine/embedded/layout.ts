/** Lays out a data folder: keys, kubeconfig files, ports and the audit policy, before anything is started. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credentials } from '../base/certificates.ts';
import type { Clock } from '../base/clock.ts';
import { API_SERVICE_ADDRESS, type Layout, type Ports } from './components.ts';
import type { DataFolder } from './data-folder.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { type CredentialFiles, issueServer, openPki, type Pki } from './pki.ts';
import { freePorts } from './ports.ts';

export interface LayoutOptions {
  readonly ports?: Partial<Ports>;
  readonly address?: string;
  readonly auditLog?: boolean;
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
  readonly logDir?: string;
}

export interface Preparation {
  readonly options: LayoutOptions;
  readonly clock: Clock;
  readonly folder: DataFolder;
}

export interface Prepared {
  readonly layout: Layout;
  readonly server: string;
  readonly caData: string;
  readonly admin: Credentials;
  readonly kubeconfigPath: string;
  readonly kubeconfig: string;
  readonly logDir: string;
}

const PRIVATE = { mode: 0o600 };
const LOOPBACK = '127.0.0.1';
const API_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/** Each request once, when it is answered: who, what, on which object, with which code; no bodies. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  omitManagedFields: true,
  rules: [{ level: 'Metadata' }],
};

export async function prepareLayout(preparation: Preparation): Promise<Prepared> {
  const { options, clock, folder } = preparation;
  const dataDir = folder.path;
  const now = clock.now();
  const logDir = options.logDir ?? join(dataDir, 'logs');
  await mkdir(logDir, { recursive: true });
  const ports = await choosePorts(options.ports ?? {});
  const address = options.address ?? LOOPBACK;
  const pki = await openPki({ folder: join(dataDir, 'pki'), now });
  const server = `https://${address}:${ports.apiServer}`;
  const access = accessWriter({ dataDir, server, pki });
  const admin = await pki.issueClient('libretto-admin', ['system:masters']);
  const { path: kubeconfigPath, text: kubeconfig } = await access('kubeconfig', admin);
  const layout: Layout = {
    ...{ ports, dataDir, pki, address },
    ...(await storeKeys(pki, address, now)),
    kubeconfigs: await componentAccess(pki, access),
    durable: !folder.temporary,
    audit: options.auditLog === true ? await auditFiles(dataDir) : undefined,
    apiServerFlags: options.apiServerFlags ?? [],
    controllerManagerFlags: options.controllerManagerFlags ?? [],
  };
  await writeFile(join(dataDir, 'kwok.yaml'), '');
  return { layout, server, caData: pki.authority.certificate, admin, kubeconfigPath, kubeconfig, logDir };
}

async function choosePorts(fixed: Partial<Ports>): Promise<Ports> {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = await freePorts(5);
  return {
    apiServer: first,
    etcd: second,
    etcdPeer: third,
    controllerManager: fourth,
    scheduler: fifth,
    ...fixed,
  };
}

type Keys = Pick<Layout, 'etcdServer' | 'etcdClient' | 'apiServer' | 'kubeletClient'>;

async function storeKeys(pki: Pki, address: string, now: number): Promise<Keys> {
  const server = async (name: string, hosts: string[]): Promise<CredentialFiles> =>
    pki.store(name, await issueServer(pki, { commonName: name, hosts, now }));
  const client = async (name: string, user: string, groups: string[]): Promise<CredentialFiles> =>
    pki.store(name, await pki.issueClient(user, groups));
  const hosts = [...new Set([LOOPBACK, 'localhost', address])];
  return {
    etcdServer: await server('etcd', [LOOPBACK, 'localhost']),
    etcdClient: await client('etcd-client', 'kube-apiserver', []),
    apiServer: await server('kube-apiserver', [...hosts, ...API_NAMES, API_SERVICE_ADDRESS]),
    kubeletClient: await client('kubelet-client', 'kube-apiserver-kubelet-client', ['system:masters']),
  };
}

type Access = (
  name: string,
  credentials: Credentials,
) => Promise<{ readonly path: string; readonly text: string }>;

function accessWriter(to: { dataDir: string; server: string; pki: Pki }): Access {
  return async (name, credentials) => {
    const caData = to.pki.authority.certificate;
    const text = kubeconfigText({ name: 'libretto', server: to.server, caData, credentials });
    const path = join(to.dataDir, name);
    await writeFile(path, text, PRIVATE);
    return { path, text };
  };
}

async function componentAccess(pki: Pki, access: Access): Promise<Layout['kubeconfigs']> {
  const user = async (name: string, groups: string[]): Promise<string> =>
    (await access(`${name}.kubeconfig`, await pki.issueClient(`system:${name}`, groups))).path;
  return {
    controllerManager: await user('kube-controller-manager', []),
    scheduler: await user('kube-scheduler', []),
    kwok: await user('kwok-controller', ['system:masters']),
  };
}

async function auditFiles(dataDir: string): Promise<NonNullable<Layout['audit']>> {
  const policyFile = join(dataDir, 'audit-policy.json');
  await writeFile(policyFile, JSON.stringify(AUDIT_POLICY));
  return { policyFile, logFile: join(dataDir, 'audit.log') };
}
