/** The programs of a node with their arguments and configuration files: what is set, and why. Nothing is started here. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PAUSE_IMAGE } from './image-databases.ts';
import { writeConfig } from './node-machine.ts';
import type { ProcessSpec } from './processes.ts';

export interface NodeLayout {
  readonly name: string;
  /** The node's own folder, on the host's disk. */
  readonly folder: string;
  readonly programs: Readonly<Record<'kubelet' | 'kube-proxy' | 'coredns', string>>;
  readonly address: string;
  readonly podSubnet: string;
  readonly cgroupRoot: string;
  readonly cniFolder: string;
  readonly snapshotter: 'overlayfs' | 'native';
  /** The file with the certificate of the control plane's authority. */
  readonly authorityFile: string;
  readonly kubeconfigs: Readonly<Record<'kubelet' | 'kube-proxy' | 'coredns', string>>;
}

/** In the machine's own /run. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const DNS_READY_PORT = 8181;
/** Where each says that it serves, by port and path at the node's address. */
export const HEALTH = {
  kubelet: '10248/healthz',
  'kube-proxy': '10256/livez',
  coredns: `${DNS_READY_PORT}/ready`,
} as const;
const BRIDGE = 'pods';

export function containerd(layout: NodeLayout): ProcessSpec {
  const network = join(layout.folder, 'cni');
  mkdirSync(network, { recursive: true });
  writeConfig(join(network, '10-pods.conflist'), podNetwork(layout));
  const config = writeConfig(join(layout.folder, 'containerd.toml'), containerdConfig(layout, network));
  return { name: 'containerd', program: 'containerd', args: [`--config=${config}`] };
}

/**
 * `restrict_oom_score_adj`: the machine may itself lack CAP_SYS_RESOURCE. The `opt` plugin would make a folder in /opt.
 * Version 2 of the format is read by containerd 1 and 2.
 */
function containerdConfig(layout: NodeLayout, network: string): string {
  const text = (value: string): string => JSON.stringify(value);
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${text(join(layout.folder, 'containerd'))}
state = "/run/containerd"
[grpc]
  address = ${text(CONTAINERD_SOCKET)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(join(layout.folder, 'opt'))}
[${cri}]
  sandbox_image = ${text(PAUSE_IMAGE)}
  restrict_oom_score_adj = true
[${cri}.containerd]
  snapshotter = ${text(layout.snapshotter)}
  default_runtime_name = "runc"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
[${cri}.cni]
  bin_dir = ${text(layout.cniFolder)}
  conf_dir = ${text(network)}
`;
}

function podNetwork({ podSubnet }: NodeLayout): unknown {
  return {
    cniVersion: '0.4.0',
    name: 'libretto',
    plugins: [
      {
        type: 'bridge',
        bridge: BRIDGE,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: '/run/cni',
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

export function kubelet(layout: NodeLayout): ProcessSpec {
  const { folder, name, address } = layout;
  const config = writeConfig(join(folder, 'kubelet.yaml'), kubeletConfig(layout));
  const args = [
    `--config=${config}`,
    `--kubeconfig=${layout.kubeconfigs.kubelet}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'kubelet-pki')}`,
  ];
  return { name: 'kubelet', program: layout.programs.kubelet, args };
}

/** Images are imported and can't be pulled again, so they are never collected; a full disk of the host is not the pods' fault. */
function kubeletConfig(layout: NodeLayout): unknown {
  const { folder, address } = layout;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    healthzBindAddress: address,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: layout.authorityFile },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: layout.cgroupRoot,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    clusterDNS: [address],
    clusterDomain: 'cluster.local',
    resolvConf: writeConfig(join(folder, 'resolv.conf'), '# Nothing outside the cluster has a name here.\n'),
    volumePluginDir: join(folder, 'volume-plugins'),
    nodeStatusUpdateFrequency: '2s',
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    registryPullQPS: 0,
    eventRecordQPS: 0,
    maxPods: 250,
  };
}

/** The limits of connection tracking belong to the host and stay as they are. */
export function kubeProxy(layout: NodeLayout): ProcessSpec {
  const config = writeConfig(join(layout.folder, 'kube-proxy.yaml'), {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: layout.podSubnet,
    hostnameOverride: layout.name,
    clientConnection: { kubeconfig: layout.kubeconfigs['kube-proxy'] },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '100ms' },
  });
  return { name: 'kube-proxy', program: layout.programs['kube-proxy'], args: [`--config=${config}`] };
}

/** Names outside the cluster don't exist: an answer at once instead of a search that ends in a timeout. */
export function coredns(layout: NodeLayout): ProcessSpec {
  const corefile = writeConfig(
    join(layout.folder, 'Corefile'),
    `cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
  bind ${layout.address}
  errors
  ready ${layout.address}:${DNS_READY_PORT}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${layout.kubeconfigs.coredns} libretto
    pods insecure
    ttl 1
  }
}
.:53 {
  bind ${layout.address}
  errors
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`,
  );
  return { name: 'coredns', program: layout.programs.coredns, args: [`-conf=${corefile}`] };
}
