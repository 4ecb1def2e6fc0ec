/**
 * Enforces NetworkPolicies on a node, which its bridge alone doesn't: iptables rules in the node's own namespace, written
 * anew whenever policies, pods or namespaces change. A rule looks at the addresses of the connection as tracked, not of
 * the packet, so it holds for both directions, behind Services, and for connections that were open before the policy.
 * As everywhere, a pod reaches itself and is reached from its own node (probes); DNS is the node's.
 */
import { type Clock, pause } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import type { AdminClient } from './admin-client.ts';
import type { Machine } from './node-machine.ts';
import { type Namespace, type NetworkPolicy, type Pod, policyRules } from './node-policy-rules.ts';

export interface PoliciesOptions {
  readonly client: AdminClient;
  readonly machine: Machine;
  readonly clock: Clock;
}

const POLICIES = '/apis/networking.k8s.io/v1/networkpolicies';
const PODS = '/api/v1/pods';
const NAMESPACES = '/api/v1/namespaces';
const PERIOD_MS = 250;

/** Looks after the rules until it is stopped. */
export function startPolicies(options: PoliciesOptions): { stop(): Promise<void> } {
  const ending = new AbortController();
  const served = serve(options, ending.signal);
  return {
    stop: () => {
      ending.abort();
      return served;
    },
  };
}

/** What could not be read or written now is in the next round: the API server may be away for a while. */
async function serve(options: PoliciesOptions, signal: AbortSignal): Promise<void> {
  let written = policyRules([], [], []);
  while (!signal.aborted) {
    written = await serveOnce(options, written).catch(() => written);
    await pause(options.clock, PERIOD_MS, signal);
  }
}

async function serveOnce({ client, machine }: PoliciesOptions, written: string): Promise<string> {
  const policies = await list<NetworkPolicy>(client, POLICIES);
  const pods = policies.length === 0 ? [] : await list<Pod>(client, PODS);
  const namespaces = policies.length === 0 ? [] : await list<Namespace>(client, NAMESPACES);
  const rules = policyRules(policies, pods, namespaces);
  if (rules !== written) await machine.run('/bin/sh', ['-c', INSTALL, 'libretto-policies', rules]);
  return rules;
}

/** $1: the chains. All appear at once; the jump to them stands first and is added where it is missing. */
const INSTALL = `
set -e
printf '%s' "$1" | iptables-restore --noflush --wait
iptables --wait -C FORWARD -j LIBRETTO-POLICY 2>/dev/null || iptables --wait -I FORWARD -j LIBRETTO-POLICY
`;

async function list<T>(client: AdminClient, path: string): Promise<readonly T[]> {
  const answer = await client.send('GET', path);
  if (answer.status !== 200) throw new EngineError('ControlPlaneRefused', `${path}: ${answer.text}`);
  const parsed: { readonly items?: readonly T[] } = JSON.parse(answer.text);
  return parsed.items ?? [];
}
