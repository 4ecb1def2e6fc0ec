/** The programs that the embedded cluster can use: their versions, and where each comes from. */

/** The Go modules beside this file, in `go/NAME`, pin what is built. */
export type GoModule = 'kubernetes' | 'etcd' | 'etcdctl' | 'kwok' | 'coredns';

export type ProgramName =
  | 'etcd'
  | 'etcdctl'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'
  | 'kubectl'
  | 'kwok'
  | 'coredns';

export interface Program {
  readonly name: ProgramName;
  readonly version: string;
  readonly goModule: GoModule;
  /** The Go import path of its main package. */
  readonly goPackage: string;
  /** Which versions found on PATH do as well. */
  readonly fits: 'same-minor' | 'any';
  /** How it is asked for its version. */
  readonly versionArgs: readonly string[];
  readonly download: Download | undefined;
}

/** An official build: where it lies, and where its maker publishes its checksum. */
export interface Download {
  readonly systems: readonly string[];
  readonly url: string;
  readonly checksumUrl: string;
  /** The program's path in the archive; undefined where the file is the program itself. `{system}` stands for OS-ARCH. */
  readonly member: string | undefined;
}

export const KUBERNETES_VERSION = 'v1.35.4';
const ETCD_VERSION = 'v3.6.16';
const KWOK_VERSION = 'v0.7.0';
const COREDNS_VERSION = 'v1.12.4';
const LINUX = ['linux-amd64', 'linux-arm64'];

function kubernetes(name: ProgramName, versionArgs: readonly string[] = ['--version']): Program {
  const url = `https://dl.k8s.io/release/${KUBERNETES_VERSION}/bin/{os}/{arch}/${name}`;
  return {
    name,
    version: KUBERNETES_VERSION,
    goModule: 'kubernetes',
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    fits: name === 'kubectl' ? 'any' : 'same-minor',
    versionArgs,
    download: { systems: LINUX, url, checksumUrl: `${url}.sha256`, member: undefined },
  };
}

function etcd(name: 'etcd' | 'etcdctl'): Program {
  const base = `https://github.com/etcd-io/etcd/releases/download/${ETCD_VERSION}`;
  const folder = `etcd-${ETCD_VERSION}-{system}`;
  return {
    name,
    version: ETCD_VERSION,
    goModule: name,
    goPackage: name === 'etcd' ? 'go.etcd.io/etcd/server/v3' : 'go.etcd.io/etcd/etcdctl/v3',
    fits: 'same-minor',
    versionArgs: name === 'etcd' ? ['--version'] : ['version'],
    download: {
      systems: LINUX,
      url: `${base}/${folder}.tar.gz`,
      checksumUrl: `${base}/SHA256SUMS`,
      member: `${folder}/${name}`,
    },
  };
}

/** No checksum of KWOK's builds is published beside them, so it is never downloaded. */
const KWOK: Program = {
  name: 'kwok',
  version: KWOK_VERSION,
  goModule: 'kwok',
  goPackage: 'sigs.k8s.io/kwok/cmd/kwok',
  fits: 'same-minor',
  versionArgs: ['--version'],
  download: undefined,
};

const COREDNS: Program = {
  name: 'coredns',
  version: COREDNS_VERSION,
  goModule: 'coredns',
  goPackage: 'github.com/coredns/coredns',
  fits: 'same-minor',
  versionArgs: ['-version'],
  download: undefined,
};

const PROGRAMS: Readonly<Record<ProgramName, Program>> = {
  etcd: etcd('etcd'),
  etcdctl: etcd('etcdctl'),
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  kubectl: kubernetes('kubectl', ['version', '--client']),
  kwok: KWOK,
  coredns: COREDNS,
};

export function program(name: ProgramName): Program {
  return PROGRAMS[name];
}
