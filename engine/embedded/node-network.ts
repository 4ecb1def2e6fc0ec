/**
 * The wire between the host and a node: a pair of interfaces, addresses at both ends, and the pods' own subnet, which the
 * host reaches through the node. Nothing is sent out of the host, and no rule is added to its firewall.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { type CommandResult, runCommand } from './command.ts';
import { SERVICE_CIDR } from './components.ts';
import { identify } from './identity.ts';
import { type Machine, machineEnvironment } from './node-machine.ts';

export interface NodeNetwork {
  /** The host's end: here the API server is reached from the node and its pods. */
  readonly hostAddress: string;
  readonly nodeAddress: string;
  readonly podSubnet: string;
  /** The name of the host's interface; several nodes at once have different ones. */
  readonly device: string;
  /** Gives the node its end of the wire. */
  connect(machine: Machine): Promise<void>;
  /** Takes the wire and its routes away. */
  release(): Promise<void>;
}

/** 10.N.0.0/16 for the N-th node: its pods in the lower half, the wire at the end. */
const FIRST = 180;
const LAST = 219;
const INSIDE = 'uplink';
const INTERFACES = '/sys/class/net';

/** Takes the first block that neither a route nor another node uses; an interface's name can be taken only once. */
export async function openNodeNetwork(): Promise<NodeNetwork> {
  for (const device of leftovers()) await ip(['link', 'delete', device]);
  const routes = (await ip(['-4', 'route', 'show', 'table', 'all'])).output;
  for (let block = FIRST; block <= LAST; block++) {
    if (routes.includes(` 10.${block}.`) || new RegExp(`^10\\.${block}\\.`, 'm').test(routes)) continue;
    const device = `libretto${block}`;
    const made = await ip(['link', 'add', device, 'type', 'veth', 'peer', 'name', `${device}p`]);
    if (made.code === 0) return prepare(block, device);
    if (!made.output.includes('File exists')) throw refused('ip link add', made);
  }
  throw new EngineError('NoFreeSubnet', `no free subnet from 10.${FIRST}.0.0/16 to 10.${LAST}.0.0/16`, {
    hint: 'end other nodes: their interfaces are named libretto* in `ip link`',
  });
}

/** The interfaces of engines that died before their node had taken the other end; each bears its engine's pid. */
function leftovers(): string[] {
  return readdirSync(INTERFACES).filter((name) => {
    const [, pid] = /^libretto (\d+)$/.exec(aliasOf(name)) ?? [];
    return pid !== undefined && identify(Number(pid)) === undefined;
  });
}

function aliasOf(device: string): string {
  try {
    return readFileSync(join(INTERFACES, device, 'ifalias'), 'utf8').trim();
  } catch {
    return ''; // Gone since it was listed.
  }
}

async function prepare(block: number, device: string): Promise<NodeNetwork> {
  const hostAddress = `10.${block}.255.1`;
  const nodeAddress = `10.${block}.255.2`;
  const podSubnet = `10.${block}.0.0/17`;
  const release = async (): Promise<void> => void (await ip(['link', 'delete', device]));
  try {
    await must(['link', 'set', device, 'alias', `libretto ${process.pid}`]);
    await must(['address', 'add', `${hostAddress}/30`, 'dev', device]);
    await must(['link', 'set', device, 'up']);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    ...{ hostAddress, nodeAddress, podSubnet, device, release },
    async connect(machine) {
      await must(['link', 'set', `${device}p`, 'netns', String(machine.pid)]);
      await machine.run('ip', ['link', 'set', `${device}p`, 'name', INSIDE]);
      await machine.run('ip', ['address', 'add', `${nodeAddress}/30`, 'dev', INSIDE]);
      await machine.run('ip', ['link', 'set', INSIDE, 'up']);
      await machine.run('ip', ['route', 'add', 'default', 'via', hostAddress]);
      await must(['route', 'add', podSubnet, 'via', nodeAddress, 'dev', device]);
      // Of several nodes at once the first one answers for Services; each has a route of its own weight.
      await must(['route', 'add', SERVICE_CIDR, 'via', nodeAddress, 'dev', device, 'metric', String(block)]);
    },
  };
}

function ip(args: readonly string[]): Promise<CommandResult> {
  return runCommand({ program: 'ip', args, environment: machineEnvironment() });
}

async function must(args: readonly string[]): Promise<void> {
  const result = await ip(args);
  if (result.code !== 0) throw refused(`ip ${args.join(' ')}`, result);
}

function refused(what: string, { output }: CommandResult): EngineError {
  return new EngineError('NodeCommandFailed', `${what}: ${output.trim()}`, {
    hint: 'a node needs root with CAP_NET_ADMIN and the veth driver',
  });
}
