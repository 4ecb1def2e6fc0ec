/**
 * The inventory: which kinds were ever managed for a watched group and kind, kept in one ConfigMap of the engine's
 * namespace, so that a kind that left the playbook is still pruned, also after a restart and under another playbook
 * name; and which playbook kept the watched kind last, as whose account its resources are torn down when it is gone. It
 * is written before a kind's first object is created, and only when something of it changes.
 */
import type { ClusterClient } from '../cluster/api.ts';
import { isAlreadyExists, isConflict } from '../cluster/errors.ts';
import {
  apiVersionOf,
  type GroupVersionKind,
  groupKind,
  isObject,
  type JsonObject,
  type KubeObject,
} from '../kube/object.ts';

export const INVENTORY_NAME = 'libretto-inventory';

export interface Inventory {
  /** Every watched kind that has an inventory: also those whose playbook is gone. */
  watched(): readonly Pick<GroupVersionKind, 'group' | 'kind'>[];
  /** Reads what is stored anew: another process may have written it. */
  reload(): Promise<void>;
  /** The kinds ever managed for this watched kind. */
  kinds(watched: Pick<GroupVersionKind, 'group' | 'kind'>): readonly GroupVersionKind[];
  /** The playbook that kept this watched kind last; undefined where an engine stored it that did not note it. */
  keeper(watched: Pick<GroupVersionKind, 'group' | 'kind'>): string | undefined;
  /** Resolves once it is stored. Costs nothing when it is already. */
  add(watched: Pick<GroupVersionKind, 'group' | 'kind'>, more: InventoryAddition): Promise<void>;
  /** Takes out kinds of which no object is left. */
  remove(
    watched: Pick<GroupVersionKind, 'group' | 'kind'>,
    kinds: readonly GroupVersionKind[],
  ): Promise<void>;
}

export interface InventoryAddition {
  readonly kinds: readonly GroupVersionKind[];
  readonly keeper: string;
  /** Of several playbooks that work on one kind, the one that writes its status is its keeper. */
  readonly ownsStatus: boolean;
}

export interface InventoryOptions {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly fieldManager: string;
}

interface Entry {
  readonly kinds: readonly GroupVersionKind[];
  readonly keeper?: string;
}

type Content = ReadonlyMap<string, Entry>;
type Edit = (known: Entry) => Entry;

const NOTHING: Entry = { kinds: [] };

/** Reads what is stored; one GET, at start. */
export async function openInventory(options: InventoryOptions): Promise<Inventory> {
  const store = new Store(options);
  await store.read();
  return {
    watched: () => [...store.content.keys()].map(parseGroupKind),
    reload: () => store.read(),
    kinds: (watched) => store.content.get(groupKind(watched))?.kinds ?? [],
    keeper: (watched) => store.content.get(groupKind(watched))?.keeper,
    add: (watched, more) => store.change(groupKind(watched), (known) => added(known, more)),
    remove: (watched, kinds) => store.change(groupKind(watched), (known) => removed(known, kinds)),
  };
}

/** The very entry where nothing changes. Where nothing is managed, nobody needs to be remembered. */
function added(known: Entry, { kinds, keeper, ownsStatus }: InventoryAddition): Entry {
  const all = union(known.kinds, kinds);
  const next = ownsStatus ? keeper : (known.keeper ?? keeper);
  if (all.length === 0 || (all === known.kinds && next === known.keeper)) return known;
  return { kinds: all, keeper: next };
}

function removed(known: Entry, kinds: readonly GroupVersionKind[]): Entry {
  const left = without(known.kinds, kinds);
  return left === known.kinds ? known : { ...known, kinds: left };
}

function union(
  known: readonly GroupVersionKind[],
  kinds: readonly GroupVersionKind[],
): readonly GroupVersionKind[] {
  const missing = kinds.filter((k) => !known.some((n) => groupKind(n) === groupKind(k)));
  return missing.length === 0
    ? known
    : [...known, ...new Map(missing.map((k) => [groupKind(k), k])).values()];
}

function without(
  known: readonly GroupVersionKind[],
  kinds: readonly GroupVersionKind[],
): readonly GroupVersionKind[] {
  const left = known.filter((k) => !kinds.some((n) => groupKind(n) === groupKind(k)));
  return left.length === known.length ? known : left;
}

/** One writer: changes queue up behind each other, and those that came meanwhile find their kinds stored. */
class Store {
  content: Content = new Map();
  private live: KubeObject | undefined;
  private tail: Promise<void> = Promise.resolve();
  private readonly options: InventoryOptions;

  constructor(options: InventoryOptions) {
    this.options = options;
  }

  async read(): Promise<void> {
    const ref = {
      group: '',
      version: 'v1',
      kind: 'ConfigMap',
      namespace: this.options.namespace,
      name: INVENTORY_NAME,
    };
    this.live = await this.options.client.get(ref);
    this.content = parse(this.live);
  }

  change(watched: string, edit: Edit): Promise<void> {
    const known = this.content.get(watched) ?? NOTHING;
    if (edit(known) === known) return Promise.resolve();
    const next = this.tail.then(() => this.write(watched, edit));
    this.tail = next.catch(() => {});
    return next;
  }

  private async write(watched: string, edit: Edit): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const known = this.content.get(watched) ?? NOTHING;
      const wanted = edit(known);
      if (wanted === known) return;
      const content = new Map(this.content).set(watched, wanted);
      try {
        this.live = await this.send(content);
        this.content = content;
        return;
      } catch (error) {
        if (attempt >= 4 || !(isConflict(error) || isAlreadyExists(error))) throw error;
        await this.read();
      }
    }
  }

  /** The resourceVersion makes it a compare-and-swap. */
  private send(content: Content): Promise<KubeObject> {
    const { client, namespace, fieldManager } = this.options;
    const resourceVersion = this.live?.metadata.resourceVersion;
    const metadata = {
      name: INVENTORY_NAME,
      namespace,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    const body: KubeObject & JsonObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: print(content),
    };
    return this.live === undefined
      ? client.create(body, { fieldManager })
      : client.replace(body, { fieldManager });
  }
}

/** Four words, which no engine takes for a kind, also one that does not know of keepers. */
const KEPT_BY = '# kept by ';

/** `Memcached.cache.example.com: "apps/v1 Deployment\nv1 Service\n# kept by memcached"`: readable with kubectl. */
function print(content: Content): Record<string, string> {
  const entries = [...content].filter(([, { kinds }]) => kinds.length > 0);
  return Object.fromEntries(
    entries.map(([watched, { kinds, keeper }]) => {
      const lines = kinds.map((k) => `${apiVersionOf(k)} ${k.kind}`);
      return [watched, [...lines, ...(keeper === undefined ? [] : [KEPT_BY + keeper])].join('\n')];
    }),
  );
}

function parse(live: KubeObject | undefined): Content {
  const data = isObject(live?.['data']) ? live['data'] : {};
  return new Map(Object.entries(data).map(([watched, text]) => [watched, parseEntry(String(text))]));
}

function parseEntry(text: string): Entry {
  const lines = text.split('\n');
  const keeper = lines.find((line) => line.startsWith(KEPT_BY))?.slice(KEPT_BY.length);
  return { kinds: lines.flatMap(parseKind), ...(keeper === undefined ? {} : { keeper }) };
}

/** `Kind.group`; kinds hold no dot. */
function parseGroupKind(text: string): Pick<GroupVersionKind, 'group' | 'kind'> {
  const dot = text.indexOf('.');
  return dot < 0 ? { group: '', kind: text } : { group: text.slice(dot + 1), kind: text.slice(0, dot) };
}

function parseKind(line: string): readonly GroupVersionKind[] {
  const match = /^(?:([^/ ]+)\/)?([^/ ]+) ([^/ ]+)$/.exec(line.trim());
  const [, group = '', version, kind] = match ?? [];
  return version === undefined || kind === undefined ? [] : [{ group, version, kind }];
}
