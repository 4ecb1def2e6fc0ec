/** The components of a control plane with their arguments: what is set, and why. Nothing is started here. */
import { join } from 'node:path';
import type { CredentialFiles, Pki } from './pki.ts';

export const COMPONENTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;

export type Component = (typeof COMPONENTS)[number];

export interface Ports {
  readonly apiServer: number;
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly controllerManager: number;
  readonly scheduler: number;
}

export interface Layout {
  readonly ports: Ports;
  readonly dataDir: string;
  readonly pki: Pki;
  readonly etcdServer: CredentialFiles;
  readonly etcdClient: CredentialFiles;
  readonly apiServer: CredentialFiles;
  readonly kubeletClient: CredentialFiles;
  /** Kubeconfig files of the components that talk to the API server. */
  readonly kubeconfigs: Readonly<Record<'controllerManager' | 'scheduler' | 'kwok', string>>;
  /** The address under which the API server is reached; 127.0.0.1 unless a real node must reach it. */
  readonly address: string;
  /** Only data that is thrown away afterwards may be written without waiting for the disk. */
  readonly durable: boolean;
  readonly audit: { readonly policyFile: string; readonly logFile: string } | undefined;
  readonly apiServerFlags: readonly string[];
  readonly controllerManagerFlags: readonly string[];
}

export const SERVICE_CIDR = '10.96.0.0/16';
/** The first address of SERVICE_CIDR: the Service `kubernetes` of the default namespace. */
export const API_SERVICE_ADDRESS = '10.96.0.1';
/** Nodes with this annotation are played by KWOK; a real kubelet's are left alone. */
export const KWOK_ANNOTATION = 'kwok.x-k8s.io/node';
const POD_CIDR = '10.244.0.0/16';
/** Wide enough that ten thousands of pods have addresses of their own. */
const KWOK_POD_CIDR = '10.128.0.1/9';
const LOOPBACK = '127.0.0.1';

/** What the component is started with. */
export function componentArguments(name: Component, layout: Layout): string[] {
  switch (name) {
    case 'etcd':
      return etcd(layout);
    case 'kube-apiserver':
      return apiServer(layout);
    case 'kube-controller-manager':
      return controllerManager(layout);
    case 'kube-scheduler':
      return scheduler(layout);
    case 'kwok':
      return kwok(layout);
  }
}

function etcd(layout: Layout): string[] {
  const { ports, etcdServer, pki } = layout;
  const client = `https://${LOOPBACK}:${ports.etcd}`;
  const peer = `https://${LOOPBACK}:${ports.etcdPeer}`;
  const tls = (prefix: string): string[] => [
    `--${prefix}cert-file=${etcdServer.certificateFile}`,
    `--${prefix}key-file=${etcdServer.keyFile}`,
    `--${prefix}trusted-ca-file=${pki.authorityFile}`,
    `--${prefix}client-cert-auth`,
  ];
  return [
    '--name=libretto',
    `--data-dir=${join(layout.dataDir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=libretto=${peer}`,
    ...tls(''),
    ...tls('peer-'),
    '--auto-compaction-retention=1h',
    '--quota-backend-bytes=8589934592',
    '--log-level=warn',
    ...(layout.durable ? [] : ['--unsafe-no-fsync']),
  ];
}

function apiServer(layout: Layout): string[] {
  return [
    ...storageFlags(layout),
    ...servingFlags(layout),
    `--client-ca-file=${layout.pki.authorityFile}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${layout.pki.tokenPublicKeyFile}`,
    `--service-account-signing-key-file=${layout.pki.tokenKeyFile}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    '--allow-privileged=true',
    `--kubelet-client-certificate=${layout.kubeletClient.certificateFile}`,
    `--kubelet-client-key=${layout.kubeletClient.keyFile}`,
    '--kubelet-preferred-address-types=InternalIP',
    ...auditFlags(layout),
    ...layout.apiServerFlags,
  ];
}

function storageFlags({ ports, pki, etcdClient }: Layout): string[] {
  return [
    `--etcd-servers=https://${LOOPBACK}:${ports.etcd}`,
    `--etcd-cafile=${pki.authorityFile}`,
    `--etcd-certfile=${etcdClient.certificateFile}`,
    `--etcd-keyfile=${etcdClient.keyFile}`,
  ];
}

/** A loopback address can't stand in Endpoints, so on loopback the Service `kubernetes` is left without any. */
function servingFlags({ address, ports, apiServer: files }: Layout): string[] {
  const local = address === LOOPBACK;
  return [
    `--bind-address=${local ? LOOPBACK : '0.0.0.0'}`,
    `--advertise-address=${address}`,
    ...(local ? ['--endpoint-reconciler-type=none'] : []),
    `--secure-port=${ports.apiServer}`,
    `--tls-cert-file=${files.certificateFile}`,
    `--tls-private-key-file=${files.keyFile}`,
  ];
}

/** One file of any length: whoever counts requests must not lose some to a rotation. */
function auditFlags({ audit }: Layout): string[] {
  if (audit === undefined) return [];
  return [
    `--audit-policy-file=${audit.policyFile}`,
    `--audit-log-path=${audit.logFile}`,
    '--audit-log-maxsize=100000',
  ];
}

function controllerManager(layout: Layout): string[] {
  const { pki } = layout;
  return [
    ...clientFlags(layout.kubeconfigs.controllerManager, layout.ports.controllerManager),
    `--service-account-private-key-file=${pki.tokenKeyFile}`,
    `--root-ca-file=${pki.authorityFile}`,
    `--cluster-signing-cert-file=${pki.authorityFile}`,
    `--cluster-signing-key-file=${pki.authorityKeyFile}`,
    '--use-service-account-credentials=true',
    `--cluster-cidr=${POD_CIDR}`,
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--enable-hostpath-provisioner=true',
    ...layout.controllerManagerFlags,
  ];
}

function scheduler(layout: Layout): string[] {
  return [
    ...clientFlags(layout.kubeconfigs.scheduler, layout.ports.scheduler),
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ];
}

function clientFlags(kubeconfig: string, port: number): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${port}`,
  ];
}

/** Without a configuration KWOK plays its own stages: pods are Running at once, those of Jobs complete, deleted ones go. */
function kwok(layout: Layout): string[] {
  return [
    `--kubeconfig=${layout.kubeconfigs.kwok}`,
    `--config=${join(layout.dataDir, 'kwok.yaml')}`,
    `--manage-nodes-with-annotation-selector=${KWOK_ANNOTATION}=fake`,
    '--node-lease-duration-seconds=40',
    `--cidr=${KWOK_POD_CIDR}`,
    '--v=WARN',
  ];
}
