import { describe, expect, test } from 'vitest';
import {
  type Namespace,
  type NetworkPolicy,
  type Pod,
  policyRules,
} from '../../engine/embedded/node-policy-rules.ts';

const namespaces: readonly Namespace[] = [
  { metadata: { name: 'shop', labels: { team: 'shop' } } },
  { metadata: { name: 'audit', labels: { team: 'audit' } } },
];
const db = pod('shop', 'db', '10.0.0.1');
const web = pod('shop', 'web', '10.0.0.2');
const auditor = pod('audit', 'web', '10.0.0.3');
const world = [db, web, auditor];

function pod(namespace: string, app: string, podIP: string, more: Partial<Pod['spec']> = {}): Pod {
  const containers = [{ ports: [{ name: 'sql', containerPort: 5432 }] }];
  const metadata = { name: app, namespace, labels: { app } };
  return { metadata, spec: { containers, ...more }, status: { phase: 'Running', podIP } };
}

function policy(spec: Partial<NetworkPolicy['spec']>, name = 'policy'): NetworkPolicy {
  const podSelector = { matchLabels: { app: 'db' } };
  return { metadata: { name, namespace: 'shop' }, spec: { podSelector, policyTypes: ['Ingress'], ...spec } };
}

/** The rules without the chains' declarations; by default of the three pods. */
function rules(policies: readonly NetworkPolicy[], pods: readonly Pod[] = world): string[] {
  return policyRules(policies, pods, namespaces)
    .split('\n')
    .filter((line) => line.startsWith('-A') && !line.includes('--ctorigsrc 10.0.0.1 --ctreplsrc 10.0.0.1'));
}

const DROP = '-A LIB-IN-10.0.0.1 -j DROP';
const JUMP = '-A LIBRETTO-POLICY -m conntrack --ctreplsrc 10.0.0.1 -j LIB-IN-10.0.0.1';
const from = (address: string): string => `-A LIB-IN-10.0.0.1 -m conntrack --ctorigsrc ${address} -j RETURN`;

describe('the rules of NetworkPolicies', () => {
  test('are none but an empty chain where no policy selects a pod', () => {
    expect(policyRules([], world, namespaces)).toBe('*filter\n:LIBRETTO-POLICY - [0:0]\nCOMMIT\n');
    expect(rules([policy({ podSelector: { matchLabels: { app: 'other' } } })])).toEqual([]);
    expect(rules([policy({})], [auditor])).toEqual([]);
  });

  test('let nothing in where a policy has no rule', () => {
    expect(rules([policy({})])).toEqual([DROP, JUMP]);
    expect(rules([policy({ podSelector: {} })], [db])).toEqual([DROP, JUMP]);
  });

  test('always let a pod reach itself', () => {
    expect(policyRules([policy({})], [db], namespaces)).toContain(
      '--ctorigsrc 10.0.0.1 --ctreplsrc 10.0.0.1 -j RETURN',
    );
  });

  test('let in the pods that a peer selects, in the own namespace where it names none', () => {
    const selector = { podSelector: { matchLabels: { app: 'web' } } };
    expect(rules([policy({ ingress: [{ from: [selector] }] })])).toEqual([from('10.0.0.2'), DROP, JUMP]);
    const other = { ...selector, namespaceSelector: { matchLabels: { team: 'audit' } } };
    expect(rules([policy({ ingress: [{ from: [other] }] })])).toEqual([from('10.0.0.3'), DROP, JUMP]);
    const everybody = { namespaceSelector: {} };
    expect(rules([policy({ ingress: [{ from: [everybody] }] })])).toHaveLength(5);
  });

  test('let everybody in by an empty rule, and to the named ports alone where it has some', () => {
    expect(rules([policy({ ingress: [{}] })])).toEqual(['-A LIB-IN-10.0.0.1 -j RETURN', DROP, JUMP]);
    const ports = [{ port: 'sql' }, { port: 80, endPort: 90 }, { protocol: 'UDP' }, { port: 'unknown' }];
    expect(rules([policy({ ingress: [{ ports }] })])).toEqual([
      '-A LIB-IN-10.0.0.1 -p tcp -m conntrack --ctreplsrcport 5432 -j RETURN',
      '-A LIB-IN-10.0.0.1 -p tcp -m conntrack --ctreplsrcport 80:90 -j RETURN',
      '-A LIB-IN-10.0.0.1 -p udp -j RETURN',
      DROP,
      JUMP,
    ]);
  });

  test('let in a block of addresses without its exceptions', () => {
    const ipBlock = { cidr: '10.0.0.0/24', except: ['10.0.0.2/32'] };
    expect(rules([policy({ ingress: [{ from: [{ ipBlock }] }] })])).toEqual([
      '-A LIB-IN-10.0.0.1 -m conntrack --ctorigsrc 10.0.0.0/24 -m conntrack ! --ctorigsrc 10.0.0.2/32 -j RETURN',
      DROP,
      JUMP,
    ]);
  });

  test('hold connections back that a pod opens, by the port of the pod that it reaches', () => {
    const to = [{ podSelector: { matchLabels: { app: 'web' } } }];
    const egress = policy({ policyTypes: ['Egress'], egress: [{ to, ports: [{ port: 'sql' }] }] });
    expect(rules([egress])).toEqual([
      '-A LIB-OUT-10.0.0.1 -m conntrack --ctreplsrc 10.0.0.2 -p tcp -m conntrack --ctreplsrcport 5432 -j RETURN',
      '-A LIB-OUT-10.0.0.1 -j DROP',
      '-A LIBRETTO-POLICY -m conntrack --ctorigsrc 10.0.0.1 -j LIB-OUT-10.0.0.1',
    ]);
  });

  test('add up where several policies select a pod', () => {
    const one = policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }] }, 'one');
    const two = policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.2.0.0/16' } }] }] }, 'two');
    expect(rules([two, one])).toEqual([from('10.1.0.0/16'), from('10.2.0.0/16'), DROP, JUMP]);
  });

  test('know selectors by expressions', () => {
    const chosen = (operator: string, values?: readonly string[]): number => {
      const matchExpressions = [{ key: 'app', operator, ...(values === undefined ? {} : { values }) }];
      return rules([policy({ podSelector: { matchExpressions } })]).filter((rule) => rule.endsWith('DROP'))
        .length;
    };
    expect(chosen('In', ['db', 'web'])).toBe(2);
    expect(chosen('NotIn', ['db'])).toBe(1);
    expect(chosen('Exists')).toBe(2);
    expect(chosen('DoesNotExist')).toBe(0);
  });

  test('leave out pods that have ended or use the network of their node', () => {
    const ended: Pod = { ...db, status: { phase: 'Succeeded', podIP: '10.0.0.1' } };
    expect(rules([policy({})], [ended, pod('shop', 'db', '10.0.0.9', { hostNetwork: true })])).toEqual([]);
  });

  test('are the same text for the same world in another order', () => {
    const policies = [policy({}, 'one'), policy({ ingress: [{}] }, 'two')];
    expect(policyRules(policies.toReversed(), world.toReversed(), namespaces)).toBe(
      policyRules(policies, world, namespaces),
    );
  });
});
