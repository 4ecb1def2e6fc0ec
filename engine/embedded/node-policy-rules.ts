/** NetworkPolicies as iptables rules: a pure function of the policies, pods and namespaces (networking.k8s.io/v1). */

export interface Namespace {
  readonly metadata: { readonly name: string; readonly labels?: Labels };
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Labels };
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly containers?: readonly { readonly ports?: readonly ContainerPort[] }[];
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

export interface NetworkPolicy {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector?: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
    readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
  };
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

type Labels = Readonly<Record<string, string>>;
type Direction = 'Ingress' | 'Egress';

interface World {
  readonly pods: readonly Located[];
  readonly namespaces: ReadonlyMap<string, Labels>;
}

type Located = Pod & { readonly address: string };

const MAIN = 'LIBRETTO-POLICY';
/** The tracked connection's ends: who opened it, and who answers (behind a Service: the pod). */
const SOURCE = '--ctorigsrc';
const TARGET = '--ctreplsrc';

/** The input of `iptables-restore --noflush`; the same world gives the same text. */
export function policyRules(
  policies: readonly NetworkPolicy[],
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
): string {
  const world: World = {
    pods: pods.flatMap(locate).sort((a, b) => (a.address < b.address ? -1 : 1)),
    namespaces: new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
  };
  const sorted = policies.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const chains = world.pods.flatMap((pod) => [
    ...podChain(world, sorted, pod, 'Ingress'),
    ...podChain(world, sorted, pod, 'Egress'),
  ]);
  const names = [MAIN, ...chains.map((chain) => chain.name)].map((name) => `:${name} - [0:0]`);
  const rules = chains.flatMap((chain) => chain.rules);
  const jumps = chains.map((chain) => chain.jump);
  return ['*filter', ...names, ...rules, ...jumps, 'COMMIT', ''].join('\n');
}

function keyOf({ metadata }: NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A pod that has ended keeps its address in its status while another one has it already. */
function locate(pod: Pod): Located[] {
  const { podIP, phase } = pod.status ?? {};
  const over = phase === 'Succeeded' || phase === 'Failed' || pod.spec.hostNetwork === true;
  return podIP === undefined || podIP === '' || over ? [] : [{ ...pod, address: podIP }];
}

interface Chain {
  readonly name: string;
  readonly rules: readonly string[];
  readonly jump: string;
}

/** No chain where no policy selects the pod for this direction: it may do everything then. */
function podChain(
  world: World,
  policies: readonly NetworkPolicy[],
  pod: Located,
  direction: Direction,
): Chain[] {
  const own = policies.filter(
    (policy) =>
      policy.metadata.namespace === pod.metadata.namespace &&
      typesOf(policy).includes(direction) &&
      matches(policy.spec.podSelector ?? {}, pod.metadata.labels ?? {}),
  );
  if (own.length === 0) return [];
  const name = `LIB-${direction === 'Ingress' ? 'IN' : 'OUT'}-${pod.address}`;
  const itself = `-m conntrack ${SOURCE} ${pod.address} ${TARGET} ${pod.address}`;
  const allowed = own.flatMap((policy) => allowances(world, policy, pod, direction));
  const returns = [itself, ...new Set(allowed)].map((match) =>
    `-A ${name} ${match} -j RETURN`.replace(/ +/g, ' '),
  );
  return [
    {
      name,
      rules: [...returns, `-A ${name} -j DROP`],
      jump: `-A ${MAIN} -m conntrack ${direction === 'Ingress' ? TARGET : SOURCE} ${pod.address} -j ${name}`,
    },
  ];
}

/** Without types a policy is for ingress, and for egress too where it has rules for it. */
function typesOf({ spec }: NetworkPolicy): readonly string[] {
  return spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
}

function allowances(world: World, policy: NetworkPolicy, pod: Located, direction: Direction): string[] {
  const rules =
    direction === 'Ingress'
      ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from ?? [], ports: ports ?? [] }))
      : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to ?? [], ports: ports ?? [] }));
  const side = direction === 'Ingress' ? SOURCE : TARGET;
  return rules.flatMap(({ peers, ports }) => {
    const places = peers.length === 0 ? [anywhere] : peers.flatMap((peer) => placesOf(world, policy, peer));
    return places.flatMap((place) => {
      const target = direction === 'Ingress' ? pod : place.pod;
      return portMatches(world, ports, target).map((port) =>
        [...matchOf(place, side), port].join(' ').trim(),
      );
    });
  });
}

/** Where a connection comes from or goes to: a pod, a block of addresses without some, or anything. */
interface Place {
  readonly block: string | undefined;
  readonly pod: Located | undefined;
  readonly except: readonly string[];
}

const anywhere: Place = { block: undefined, pod: undefined, except: [] };

function matchOf({ block, except }: Place, side: string): string[] {
  const at = block === undefined ? [] : [`-m conntrack ${side} ${block}`];
  return [...at, ...except.map((hole) => `-m conntrack ! ${side} ${hole}`)];
}

function placesOf(world: World, policy: NetworkPolicy, peer: Peer): Place[] {
  const { ipBlock, namespaceSelector, podSelector } = peer;
  if (ipBlock !== undefined)
    return ipBlock.cidr.includes(':')
      ? [] // The pods have addresses of version 4 alone.
      : [{ block: ipBlock.cidr, pod: undefined, except: ipBlock.except ?? [] }];
  const inNamespace = (name: string): boolean =>
    namespaceSelector === undefined
      ? name === policy.metadata.namespace
      : matches(namespaceSelector, world.namespaces.get(name) ?? {});
  return world.pods
    .filter((pod) => inNamespace(pod.metadata.namespace))
    .filter((pod) => matches(podSelector ?? {}, pod.metadata.labels ?? {}))
    .map((pod) => ({ block: pod.address, pod, except: [] }));
}

/** A port is the pod's, past a Service. A named one is looked up in the pod that is reached; an unknown one allows nothing. */
function portMatches(world: World, ports: readonly PolicyPort[], target: Located | undefined): string[] {
  if (ports.length === 0) return [''];
  return ports.flatMap(({ protocol = 'TCP', port, endPort }) => {
    const kind = `-p ${protocol.toLowerCase()}`;
    if (port === undefined) return [kind];
    const match = (number: number, last?: number): string =>
      `${kind} -m conntrack --ctreplsrcport ${number}${last === undefined ? '' : `:${last}`}`;
    if (typeof port === 'number') return [match(port, endPort)];
    const pods = target === undefined ? world.pods : [target];
    const numbers = pods.flatMap((pod) => namedPort(pod, port, protocol));
    return [...new Set(numbers)].map((number) => match(number));
  });
}

function namedPort(pod: Pod, name: string, protocol: string): number[] {
  return (pod.spec.containers ?? [])
    .flatMap(({ ports }) => ports ?? [])
    .filter((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)
    .map((port) => port.containerPort);
}

function matches({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const exact = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    exact &&
    (matchExpressions ?? []).every(({ key, operator, values }) => holds(labels[key], operator, values))
  );
}

function holds(value: string | undefined, operator: string, values: readonly string[] = []): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
