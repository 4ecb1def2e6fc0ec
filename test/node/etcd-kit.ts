/**
 * What the tests of EtcdCluster share: a cluster as a user makes and changes it, questions to its members, and a client that
 * writes all the time and remembers what was acknowledged.
 */
import { afterAll, expect, vi } from 'vitest';
import { isObject } from '../../engine/kube/object.ts';
import { getPath } from '../../engine/kube/value.ts';
import {
  describeOperator,
  eventually,
  type RunObject,
  read,
  requestRun,
  runsOf,
  type Site,
} from './engine-kit.ts';
import { apply, execIn, kubectl, waitFor } from './harness.ts';

const API_VERSION = 'databases.libretto.dev/v1alpha1';

/** What the test images hold. */
const IMAGES = {
  '3.4.23': 'databases:1',
  '3.5.35': 'etcd:3.5',
  '3.6.16': 'etcd:3.6',
  // No such image: a version that does not start.
  '3.6.99': 'etcd:missing',
} as const;

/** `describeOperator` for EtcdCluster. What a test leaves is removed while the engine can still let go of it. */
export function describeEtcd(name: string, body: (site: Site) => void): void {
  describeOperator(name, ['etcd'], (site) => {
    // Each starts a dozen pods; how long that takes on a busy machine says nothing about them.
    vi.setConfig({ testTimeout: 400_000 });
    afterAll(async () => {
      const all = ['etcdclusters', '--all', '-n', site.namespace];
      await kubectl(['annotate', ...all, 'libretto.dev/skip-final-actions=true', '--overwrite']);
      await kubectl(['delete', ...all, '--timeout=90s']);
    });
    body(site);
  });
}

export class Etcd {
  readonly #site: Site;
  readonly name: string;
  readonly #scheme: 'http' | 'https';

  constructor(site: Site, name: string, scheme: 'http' | 'https' = 'http') {
    this.#site = site;
    this.name = name;
    this.#scheme = scheme;
  }

  get namespace(): string {
    return this.#site.namespace;
  }

  async create(spec: object): Promise<void> {
    const defaults = { version: '3.4.23', images: IMAGES, toolsImage: 'busybox:1', runAsUser: 996 };
    const storage = { size: '256Mi' };
    await apply(this.namespace, {
      apiVersion: API_VERSION,
      kind: 'EtcdCluster',
      metadata: { name: this.name },
      spec: { ...defaults, storage, ...spec },
    });
  }

  async change(spec: object): Promise<void> {
    const patch = JSON.stringify({ spec });
    await kubectl(['patch', 'etcdcluster', this.name, '-n', this.namespace, '--type=merge', '-p', patch]);
  }

  read(): Promise<unknown> {
    return read(this.namespace, `etcdcluster/${this.name}`);
  }

  async status(field: string): Promise<unknown> {
    return getPath(await this.read(), ['status', field]);
  }

  async condition(type: string): Promise<Record<string, unknown>> {
    const conditions = await this.status('conditions');
    const list: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
    return list.filter(isObject).find((each) => each.type === type) ?? {};
  }

  /** Waits until a condition says so and its message holds the text. */
  async says(type: string, status: string, text = ''): Promise<void> {
    await eventually(`${type} ${status} with "${text}" on ${this.name}`, async () => {
      const found = await this.condition(type);
      return (found.status === status && String(found.message).includes(text)) || undefined;
    });
  }

  async exists(kind: string, name: string): Promise<boolean> {
    const args = ['get', kind, name, '-n', this.namespace, '--ignore-not-found', '-o', 'name'];
    return (await kubectl(args)).trim() !== '';
  }

  async remove(kind: string, ...names: readonly string[]): Promise<void> {
    await kubectl(['delete', kind, ...names, '-n', this.namespace, '--wait=false']);
  }

  /** Waits until the cluster is as its spec says; answers with the seconds since `began`. */
  async ready(began = Date.now()): Promise<string> {
    await eventually(`${this.name} as its spec says`, async () => {
      const now = await this.read();
      const seen =
        getPath(now, ['status', 'observedGeneration']) === getPath(now, ['metadata', 'generation']);
      return (seen && (await this.condition('Ready')).status === 'True') || undefined;
    });
    return since(began);
  }

  ctl(member: number, ...args: readonly string[]): Promise<string> {
    const pod = `${this.name}-${member}`;
    const endpoint = `${this.#scheme}://${pod}.${this.name}-peers.${this.namespace}.svc:2379`;
    return execIn(this.namespace, pod, [
      'etcdctl',
      ...args,
      '--command-timeout=60s',
      `--endpoints=${endpoint}`,
    ]);
  }

  put(key: string, value: string, member = 0): Promise<string> {
    return this.ctl(member, 'put', key, value);
  }

  /** What this member itself has, without asking the others. */
  async own(member: number, key: string): Promise<string> {
    return (await this.ctl(member, 'get', key, '--print-value-only', '--consistency=s')).trim();
  }

  /** `name started`, or `name started learner`, as the cluster itself lists them. */
  async members(member = 0): Promise<readonly string[]> {
    const roster = await this.#roster(member);
    return roster
      .map(([, state, name, , , learner]) => `${name} ${state}${learner === 'true' ? ' learner' : ''}`)
      .toSorted();
  }

  async memberId(name: string, asked = 0): Promise<string> {
    const roster = await this.#roster(asked);
    return roster.find((fields) => fields[2] === name)?.[0] ?? '';
  }

  async #roster(member: number): Promise<readonly (readonly string[])[]> {
    const text = await this.ctl(member, 'member', 'list', '--write-out=simple');
    return text
      .trim()
      .split('\n')
      .map((line) => line.split(', '));
  }

  async clusterId(member = 0): Promise<string> {
    return /"cluster_id":(\d+)/.exec(await this.#endpoint(member))?.[1] ?? '';
  }

  async version(member: number): Promise<string> {
    return /"version":"([^"]+)"/.exec(await this.#endpoint(member))?.[1] ?? '';
  }

  async dbSize(member: number): Promise<number> {
    return Number(/"dbSize":(\d+)/.exec(await this.#endpoint(member))?.[1]);
  }

  #endpoint(member: number): Promise<string> {
    return this.ctl(member, 'endpoint', 'status', '--write-out=json');
  }

  /** Lines of what `path` says of each member's pod. */
  async pods(path: string): Promise<readonly string[]> {
    const selector = `app.kubernetes.io/instance=${this.name},app.kubernetes.io/component=etcd-member`;
    const range = `jsonpath={range .items[*]}{${path}}{"\\n"}{end}`;
    const text = await kubectl(['get', 'pods', '-n', this.namespace, '-l', selector, '-o', range]);
    return text.trim().split('\n').toSorted();
  }

  /** Asks for an action and waits for the end of its run. */
  run(action: string, params?: Readonly<Record<string, unknown>>): Promise<RunObject> {
    return requestRun(
      this.namespace,
      { apiVersion: API_VERSION, kind: 'EtcdCluster', name: this.name },
      action,
      params,
    );
  }

  async phases(action: string): Promise<readonly (string | undefined)[]> {
    return (await runsOf(this.namespace, this.name, action)).map(({ status }) => status?.phase);
  }
}

/** Writes one key after another through the client Service and keeps the names of those that were acknowledged. */
export class Writer {
  readonly #etcd: Etcd;
  readonly #pod: string;
  #checked = 0;

  private constructor(etcd: Etcd, pod: string) {
    this.#etcd = etcd;
    this.#pod = pod;
  }

  static async start(etcd: Etcd): Promise<Writer> {
    const pod = `writer-${etcd.name}`;
    const put = `timeout 3 etcdctl --endpoints=http://${etcd.name}:2379 --command-timeout=2s put "$0/$i" "$i"`;
    const script = `i=0; while :; do i=$((i + 1)); ${put} > /dev/null 2>&1 && echo "$0/$i" >> /tmp/acknowledged; sleep 0.5; done`;
    const container = {
      name: 'writer',
      image: 'databases:1',
      command: ['bash', '-c', `touch /tmp/acknowledged; ${script}`, pod],
      env: [{ name: 'ETCDCTL_API', value: '3' }],
    };
    await apply(etcd.namespace, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod },
      spec: { enableServiceLinks: false, terminationGracePeriodSeconds: 0, containers: [container] },
    });
    await waitFor(etcd.namespace, `pod/${pod}`, 'condition=Ready');
    return new Writer(etcd, pod);
  }

  async acknowledged(): Promise<readonly string[]> {
    const text = await execIn(this.#etcd.namespace, this.#pod, ['cat', '/tmp/acknowledged']);
    return text.split('\n').filter((line) => line !== '');
  }

  /**
   * Every acknowledged key is there, as the member itself has it, and there are new ones since the last time: the client is
   * served again. Answers with how many.
   */
  async check(member = 0): Promise<string> {
    const acknowledged = await this.served();
    expect(await this.missing(acknowledged, member)).toEqual([]);
    const fresh = acknowledged.length - this.#checked;
    this.#checked = acknowledged.length;
    return `${fresh} acknowledged meanwhile, all ${acknowledged.length} there`;
  }

  /** Waits until a write that begins now or later is acknowledged. Answers with all that were. */
  async served(): Promise<readonly string[]> {
    const before = (await this.acknowledged()).length;
    return eventually('another write', async () => {
      const now = await this.acknowledged();
      return now.length > before ? now : undefined;
    });
  }

  /** Those of the keys that are not there. */
  async missing(keys: readonly string[], member = 0): Promise<readonly string[]> {
    const text = await this.#etcd.ctl(member, 'get', `${this.#pod}/`, '--prefix', '--keys-only');
    const there = new Set(text.split('\n'));
    return keys.filter((key) => !there.has(key));
  }

  async stop(): Promise<readonly string[]> {
    const acknowledged = await this.acknowledged();
    await this.#etcd.remove('pod', this.#pod);
    return acknowledged;
  }
}

export function since(began: number): string {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`;
}
