/** What a node could leave on its host, as text to compare. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const FOLDERS = [
  '/run/netns',
  '/opt',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/lib/containerd',
  '/run/containerd',
];
const LOGS = ['/var/log/pods', '/var/log/containers'];
const SETTINGS = [
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

/** Mounts, interfaces, routes, firewall, control groups, kernel settings and fixed folders; not those of other nodes. */
export function hostTraces(): readonly string[] {
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, { encoding: 'utf8', env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
  const list = (folder: string): string =>
    `${folder}: ${existsSync(folder) ? readdirSync(folder).sort() : 'none'}`;
  return [
    readFileSync('/proc/self/mounts', 'utf8'),
    run('ip', '-o', 'link').replace(/^\d+: /gm, ''),
    run('ip', 'route', 'show', 'table', 'all'),
    run('iptables-save')
      .replace(/^#.*$/gm, '')
      .replace(/\[\d+:\d+\]/g, ''),
    ...controlGroups(),
    ...SETTINGS.map((name) => `${name}: ${readFileSync(`/proc/sys/${name}`, 'utf8')}`),
    ...[...FOLDERS, ...LOGS].map(list),
  ].flatMap((text) => text.split('\n'));
}

/** Leaves out what belongs to nodes that others run at the same time: all but the one with this pod subnet. */
export function tracesOf(podSubnet: string, traces: readonly string[]): readonly string[] {
  const block = podSubnet.split('.')[1] ?? '';
  const foreign = (line: string): boolean => {
    const named = [...line.matchAll(/libretto(\d+)|\b10\.(\d+)\.\d+\.\d+/g)].map(
      ([, device, net]) => device ?? net,
    );
    return named.some((one) => one !== block) && /libretto\d|10\.(1[89]|2[01])\d\./.test(line);
  };
  return traces.filter((line) => line !== '' && !foreign(line));
}

function controlGroups(): string[] {
  const names = readdirSync('/sys/fs/cgroup', { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name, ...readdirSync(`/sys/fs/cgroup/${entry.name}`)] : [],
  );
  return [...new Set(names.filter((name) => name.startsWith('libretto-')))].map(
    (name) => `control group ${name}`,
  );
}

/** The mount namespace of a process; each node has one, and every process of the node is in it. */
export function mountNamespace(pid: number | string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return ''; // It has ended.
  }
}

export function processesIn(namespace: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && mountNamespace(name) === namespace);
}
