/**
 * A machine within the machine: network, mount, process, host name and IPC namespaces of their own, in which a node's
 * programs run. All that they make (bridges, iptables rules, mounts, containers, shims) belongs to these namespaces,
 * so that the kernel itself takes it away when the machine's first process ends, however that happens.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type Environment, processEnvironment } from '../base/environment.ts';
import { EngineError } from '../base/errors.ts';
import { runCommand } from './command.ts';
import {
  type ChildProcess,
  describeExit,
  type ProcessExit,
  type ProcessSpec,
  type Spawner,
  startProcess,
} from './processes.ts';
import { waitUntil } from './readiness.ts';

export interface Machine {
  /** The host's pid of the process that keeps the namespaces. */
  readonly pid: number;
  /** The same program, started inside; it ends when its starter does. */
  inside(spec: ProcessSpec): ProcessSpec;
  /** Runs a command inside and answers with what it wrote. Throws `NodeCommandFailed`. */
  run(program: string, args: readonly string[]): Promise<string>;
  /** Resolves when every process inside is gone. */
  end(): Promise<void>;
}

export interface MachineOptions {
  readonly name: string;
  /** Holds what is written to /var/log; must not be on an overlay file system. */
  readonly folder: string;
  readonly spawner: Spawner;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * $1: folder, $2: host name. What the programs write to fixed places of the host goes to memory or to the folder:
 * /run, /var/lib and /var/log. Kernel settings that kubelet makes for the whole host (they know no namespace) end in
 * plain files laid over them. Everything is made private first, then shared again among the machine's own mounts.
 */
const SETUP = `
set -e
hostname "$2"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/machine/upper /run/machine/work /run/machine/settings
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/machine/upper,workdir=/run/machine/work overlay /var/lib
mount --bind "$1/log" /var/log
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  [ -e "/proc/sys/$setting" ] || continue
  copy="/run/machine/settings/$(echo "$setting" | tr / -)"
  cat "/proc/sys/$setting" > "$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
mount --make-rshared /
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
touch "$1/ready"
while :; do sleep 2147483647 & wait $!; done
`;

const START_MS = 20_000;

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { name, folder, spawner, clock } = options;
  await mkdir(join(folder, 'log'), { recursive: true });
  const first = await startProcess(spawner, {
    name: 'machine',
    program: 'setpriv', // With the engine's thread the machine ends at once; the reaper does the rest.
    args: [
      ...['--pdeathsig=KILL', '--', 'unshare'],
      ...['--mount', '--propagation=private', '--net', '--uts', '--ipc', '--pid', '--fork', '--kill-child'],
      ...['--mount-proc', '--', '/bin/sh', '-c', SETUP, 'libretto-machine', folder, name],
    ],
  });
  let exit: ProcessExit | undefined;
  void first.exited.then((one) => {
    exit = one;
  });
  await waitUntil({
    what: 'the namespaces of the node',
    done: async () => existsSync(join(folder, 'ready')),
    failed: () => (exit === undefined ? undefined : describeExit(exit)),
    clock,
    timeoutMs: START_MS,
    signal: options.signal,
  });
  return describeMachine(first);
}

function describeMachine(first: ChildProcess): Machine {
  const { pid } = first;
  const environment = machineEnvironment();
  const enter = (program: string, args: readonly string[]): string[] => [
    ...[
      `--target=${pid}`,
      '--net',
      '--mount',
      '--uts',
      '--ipc',
      `--pid=/proc/${pid}/ns/pid_for_children`,
      '--',
    ],
    ...['setpriv', '--pdeathsig=KILL', '--', 'env', `PATH=${environment.PATH}`, program, ...args],
  ];
  return {
    pid,
    inside: ({ name, program, args }) => ({ name, program: 'nsenter', args: enter(program, args) }),
    async run(program, args) {
      const result = await runCommand({ program: 'nsenter', args: enter(program, args), environment });
      if (result.code === 0) return result.output;
      throw new EngineError(
        'NodeCommandFailed',
        `${[program, ...args].join(' ')} ended with code ${result.code}:\n${result.output.slice(-2_000)}`,
      );
    },
    // unshare blocks SIGTERM while it waits; its death takes the first process along, and that one everything else.
    end: () => first.end(0),
  };
}

/** Where Debian keeps what only root calls is on every user's path here. */
export function machineEnvironment(): Environment {
  const environment = processEnvironment();
  return { ...environment, PATH: `${environment.PATH ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin` };
}

/** Writes a configuration file as JSON, which is YAML as well. */
export function writeConfig(file: string, value: unknown): string {
  writeFileSync(file, typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`, {
    mode: 0o600,
  });
  return file;
}
