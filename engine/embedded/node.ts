/**
 * A real node for the embedded control plane: kubelet, containerd, pod network, kube-proxy, CoreDNS, storage and network
 * policies, all in namespaces of their own (see node-machine.ts). Needs Linux and root.
 * Promises: ready for pods when `startNode` resolves; when `stop` resolves, no process, mount, network interface, firewall
 * rule, control group or file of it is left on the host. The same holds a few seconds after the engine was killed, but for
 * its empty control groups, which the next start removes.
 */
import { readFileSync } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { holdProcess } from '../base/hold.ts';
import { type AdminClient, createAdminClient } from './admin-client.ts';
import type { ProgramName } from './catalog.ts';
import type { ControlPlane } from './control-plane.ts';
import { ensureImages, type NodeImages } from './image-databases.ts';
import { createCgroups, type NodeCgroups } from './node-cgroups.ts';
import * as components from './node-components.ts';
import { type Machine, startMachine, writeConfig } from './node-machine.ts';
import type { NodeNetwork } from './node-network.ts';
import { cniFolder, ensurePackages } from './node-packages.ts';
import { startPolicies } from './node-policies.ts';
import { startVolumes } from './node-volumes.ts';
import { claimDataDir, endLeftovers, type ProcessList } from './process-list.ts';
import {
  type ChildProcess,
  describeExit,
  type ProcessExit,
  type ProcessSpec,
  type Spawner,
  startProcess,
} from './processes.ts';
import { findPrograms } from './programs.ts';
import type { Progress } from './progress.ts';
import { waitUntil } from './readiness.ts';
import { startReaper } from './reaper.ts';

export type NodeComponent = 'containerd' | 'kubelet' | 'kube-proxy' | 'coredns';

export interface NodeOptions {
  /** From `openNodeNetwork`; the control plane was started with its `hostAddress` as `address`. The node releases it. */
  readonly network: NodeNetwork;
  /** Default: `node`. */
  readonly name?: string;
  readonly progress?: Progress;
  /** Told of each component that ends by itself once the node is up. */
  readonly onCrash?: (exit: ProcessExit) => void;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface Node {
  readonly name: string;
  /** The address of the node, reached from the host. */
  readonly address: string;
  readonly podSubnet: string;
  readonly logDir: string;
  /** Host pids: of each component's starter, with which it ends, and of what keeps the namespaces. */
  readonly processes: ReadonlyMap<NodeComponent | 'machine', { readonly pid: number }>;
  /** Runs a command in the node's namespaces, as root; answers with what it wrote. */
  run(program: string, args: readonly string[]): Promise<string>;
  /** Imports an archive of images as `docker save` or `writeImage` make it. */
  importImage(file: string): Promise<void>;
  /** Gives an image a second name; both in full, as `docker.io/library/NAME:TAG`. */
  tagImage(image: string, tag: string): Promise<void>;
  restart(name: NodeComponent): Promise<void>;
  stop(): Promise<void>;
}

const READY_MS = 120_000;
const ANSWER_MS = 2_000;
const OVERLAY_FILE_SYSTEM = 0x794c7630;

/** Gets what is missing (packages, programs, images), then starts. Throws `NodeNeedsRoot` and what the parts throw. */
export function startNode(plane: ControlPlane, options: NodeOptions): Promise<Node> {
  return holdProcess(async () => {
    const clock = options.clock ?? systemClock();
    const running = new RunningNode(plane, options, clock);
    try {
      requireRoot();
      const parts = await obtainNodeParts({ clock, progress: options.progress, signal: options.signal });
      await running.start(parts);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  });
}

interface NodeParts {
  readonly images: NodeImages;
  readonly programs: components.NodeLayout['programs'];
}

interface Obtaining {
  readonly clock: Clock;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Everything that takes long the first time and is in a cache afterwards. */
async function obtainNodeParts({ clock, progress, signal }: Obtaining): Promise<NodeParts> {
  await ensurePackages({ clock, progress, signal });
  const found = await findPrograms(['kubelet', 'kube-proxy', 'coredns'], {
    clock,
    ...(progress === undefined ? {} : { progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  const images = await ensureImages({ clock, progress, signal });
  const path = (name: ProgramName): string => {
    const file = found.get(name);
    if (file === undefined) throw new EngineError('ProgramsMissing', `${name} was neither found nor built`);
    return file;
  };
  const programs = { kubelet: path('kubelet'), 'kube-proxy': path('kube-proxy'), coredns: path('coredns') };
  return { images, programs };
}

/** Throws `NodeNeedsRoot` where no node can run. */
export function requireRoot(): void {
  const missing = whyNoNode();
  if (missing !== undefined)
    throw new EngineError('NodeNeedsRoot', missing, {
      hint: 'run as root on Linux, or name another cluster',
    });
}

/** Why no real node can run here, or undefined. */
export function whyNoNode(): string | undefined {
  if (process.platform !== 'linux') return `real containers need Linux; this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'real containers need root (namespaces, mounts, networks)';
  const [, held = '0'] = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const missing = Object.entries(CAPABILITIES).filter(
    ([, bit]) => ((BigInt(`0x${held}`) >> bit) & 1n) === 0n,
  );
  if (missing.length === 0) return undefined;
  return `real containers need ${missing.map(([name]) => name).join(' and ')}, which root lacks here`;
}

/** By their numbers in capabilities(7): a container's root often lacks them. */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

class RunningNode implements Node {
  readonly name: string;
  readonly address: string;
  readonly podSubnet: string;
  readonly logDir: string;
  readonly processes = new Map<NodeComponent | 'machine', { readonly pid: number }>();
  readonly #plane: ControlPlane;
  readonly #options: NodeOptions;
  readonly #clock: Clock;
  readonly #folder: string;
  readonly #client: AdminClient;
  readonly #reaper = startReaper(undefined);
  readonly #children = new Map<NodeComponent, ChildProcess>();
  readonly #specs = new Map<NodeComponent, ProcessSpec>();
  readonly #services: { stop(): Promise<void> }[] = [];
  #list: ProcessList | undefined;
  #cgroups: NodeCgroups | undefined;
  #machine: Machine | undefined;
  #crash: ProcessExit | undefined;
  #up = false;
  #stopping: Promise<void> | undefined;

  constructor(plane: ControlPlane, options: NodeOptions, clock: Clock) {
    this.#plane = plane;
    this.#options = options;
    this.#clock = clock;
    this.name = options.name ?? 'node';
    this.address = options.network.nodeAddress;
    this.podSubnet = options.network.podSubnet;
    this.#folder = join(plane.dataDir, `node-${this.name}`);
    this.logDir = plane.logDir;
    const { server, caData, admin } = plane;
    this.#client = createAdminClient({ server, caData, credentials: admin });
  }

  async start(parts: NodeParts): Promise<void> {
    const began = this.#clock.monotonic();
    const tell = (state: 'started' | 'done'): void =>
      this.#options.progress?.({
        step: 'starting a node with containers',
        state,
        elapsedMs: this.#clock.monotonic() - began,
      });
    tell('started');
    await endLeftovers(this.#clock, this.#folder);
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true, mode: 0o711 });
    this.#list = await claimDataDir(this.#clock, this.#folder);
    this.#cgroups = createCgroups(this.#clock, this.#options.network.device);
    const machine = await this.#startMachine(this.#list);
    await this.#options.network.connect(machine);
    const layout = await this.#layout(parts, this.#cgroups);
    await this.#startContainers(layout, parts.images);
    await this.#startNetwork(layout, machine);
    this.#up = true;
    tell('done');
  }

  async #startMachine(list: ProcessList): Promise<Machine> {
    const machine = await startMachine({
      name: this.name,
      folder: this.#folder,
      spawner: this.#spawner(list),
      clock: this.#clock,
      signal: this.#options.signal,
    });
    this.#machine = machine;
    this.processes.set('machine', machine);
    return machine;
  }

  async #layout({ programs }: NodeParts, cgroups: NodeCgroups): Promise<components.NodeLayout> {
    const { address, podSubnet, name } = this;
    const access = async (component: string, user: string, group: string): Promise<string> =>
      writeConfig(
        join(this.#folder, `${component}.kubeconfig`),
        await this.#plane.kubeconfigFor(user, [group]),
      );
    const { type } = await statfs(this.#folder);
    return {
      ...{ name, address, podSubnet, programs, cniFolder: cniFolder() },
      folder: this.#folder,
      cgroupRoot: cgroups.root,
      // An overlay can't lie on another one, as in a container of a CI system.
      snapshotter: type === OVERLAY_FILE_SYSTEM ? 'native' : 'overlayfs',
      authorityFile: writeConfig(join(this.#folder, 'authority.crt'), this.#plane.caData),
      kubeconfigs: {
        kubelet: await access('kubelet', `system:node:${name}`, 'system:nodes'),
        'kube-proxy': await access('kube-proxy', 'system:kube-proxy', 'system:node-proxiers'),
        coredns: await access('coredns', 'libretto-coredns', 'system:masters'),
      },
    };
  }

  async #startContainers(layout: components.NodeLayout, images: NodeImages): Promise<void> {
    await this.#launch('containerd', components.containerd(layout));
    await this.#serves('containerd');
    await this.importImage(images.pause);
    await this.#launch('kubelet', components.kubelet(layout));
    await this.importImage(images.busybox);
    await this.importImage(images.databases);
    await this.#wait('the node', () => this.#isReady());
  }

  /** What answers for the cluster on this node beside kubelet. */
  async #startNetwork(layout: components.NodeLayout, machine: Machine): Promise<void> {
    const shared = { client: this.#client, machine, clock: this.#clock };
    await this.#launch('kube-proxy', components.kubeProxy(layout));
    await this.#launch('coredns', components.coredns(layout));
    await this.#serves('kube-proxy');
    await this.#serves('coredns');
    const folder = join(this.#folder, 'volumes');
    this.#services.push(await startVolumes({ ...shared, nodeName: this.name, folder }));
    this.#services.push(startPolicies(shared));
  }

  #spawner(list: ProcessList): Spawner {
    return {
      clock: this.#clock,
      logDir: this.logDir,
      reaper: this.#reaper,
      list,
      onCrash: (exit) => this.#crashed(exit),
    };
  }

  #crashed(exit: ProcessExit): void {
    this.#crash ??= exit;
    if (this.#up && this.#stopping === undefined) this.#options.onCrash?.(exit);
  }

  async #launch(name: NodeComponent, spec: ProcessSpec): Promise<void> {
    if (this.#machine === undefined || this.#list === undefined) throw notStarted(name);
    this.#specs.set(name, spec);
    const child = await startProcess(this.#spawner(this.#list), this.#machine.inside(spec));
    this.#children.set(name, child);
    this.processes.set(name, child);
  }

  #wait(what: string, done: () => Promise<boolean>): Promise<void> {
    return waitUntil({
      what,
      done,
      clock: this.#clock,
      timeoutMs: READY_MS,
      signal: this.#options.signal,
      failed: () => (this.#crash === undefined ? undefined : describeExit(this.#crash)),
    });
  }

  #serves(name: NodeComponent): Promise<void> {
    return this.#wait(name, async () => {
      if (name === 'containerd') return (await this.#ctr(['version'])) !== '';
      const url = `http://${this.address}:${components.HEALTH[name]}`;
      return (await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })).ok;
    });
  }

  async #isReady(): Promise<boolean> {
    const { status, text } = await this.#client.send('GET', `/api/v1/nodes/${this.name}`);
    if (status !== 200) return false;
    const node: { status?: { conditions?: { type?: string; status?: string }[] } } = JSON.parse(text);
    return (node.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
  }

  run(program: string, args: readonly string[]): Promise<string> {
    if (this.#machine === undefined) return Promise.reject(notStarted(this.name));
    return this.#machine.run(program, args);
  }

  #ctr(args: readonly string[]): Promise<string> {
    return this.run('ctr', ['--address', components.CONTAINERD_SOCKET, '--namespace', 'k8s.io', ...args]);
  }

  async importImage(file: string): Promise<void> {
    await this.#ctr(['images', 'import', file]);
  }

  async tagImage(image: string, tag: string): Promise<void> {
    await this.#ctr(['images', 'tag', '--force', image, tag]);
  }

  async restart(name: NodeComponent): Promise<void> {
    const spec = this.#specs.get(name);
    if (spec === undefined) throw notStarted(name);
    await this.#children.get(name)?.end(0);
    this.#crash = undefined;
    await this.#launch(name, spec);
    await this.#serves(name);
    await this.#wait('the node', () => this.#isReady());
  }

  stop(): Promise<void> {
    this.#stopping ??= holdProcess(async () => {
      await Promise.all(this.#services.map((service) => service.stop()));
      this.#client.close();
      await this.#machine?.end();
      await Promise.all([...this.#children.values()].map((child) => child.end(0)));
      await this.#options.network.release();
      await this.#cgroups?.remove();
      this.#reaper.dismiss();
      this.#list?.remove();
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    });
    return this.#stopping;
  }
}

function notStarted(name: string): EngineError {
  return new EngineError('ComponentNotStarted', `${name} was not started`);
}
