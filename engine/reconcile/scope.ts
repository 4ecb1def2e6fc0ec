/**
 * What is known so far in one pass: the context that templates and expressions read, filled as the pass goes on, and
 * the answer to "is this value really absent, or only not known?".
 */
import { withZeroCounters } from '../kube/counters.ts';
import {
  type GroupVersionKind,
  groupKind,
  isObject,
  type JsonObject,
  type KubeObject,
} from '../kube/object.ts';
import { isList, wholeNumber } from '../kube/value.ts';
import type { Context, Manifest, Reference, Watch } from '../playbook/model.ts';
import { type Blocker, pending, unknown } from './blocker.ts';
import type { ContestedField, KindInfo, Snapshot } from './model.ts';
import { decoratorName, type Owner, ownerOf } from './owner.ts';

/** `item` and `index` of a forEach, `self` of a readiness rule; `run`, `result` and the vars around it of an action. */
export type LocalContext = Pick<Context, 'item' | 'index' | 'self' | 'run' | 'result' | 'vars'>;

const NOTHING: LocalContext = {};

type Tree = Readonly<Record<string, unknown>>;

export class Scope {
  readonly watch: Watch;
  readonly snapshot: Snapshot;
  readonly owner: Owner;
  readonly decorator: string;
  /** By child refKey: what this pass adds to the memory. */
  readonly covered = new Map<string, string>();
  readonly contested = new Map<string, readonly ContestedField[]>();
  readonly #kinds = new Map<GroupVersionKind, KindInfo | Blocker>();
  /** By the path of a reference. */
  readonly #unlisted = new Map<readonly string[], Blocker | undefined>();
  readonly #unknownVars = new Map<string, Blocker>();
  #context: Context & Readonly<Record<'children' | 'vars' | 'rendered', Tree>>;
  /** Vars that runs put over the watch's while they last. */
  readonly shadowed: JsonObject;

  constructor(watch: Watch, snapshot: Snapshot, shadowed: JsonObject = {}) {
    this.shadowed = shadowed;
    this.watch = watch;
    this.snapshot = snapshot;
    this.owner = ownerOf(snapshot);
    this.decorator = decoratorName(watch, snapshot.playbook.name);
    const { resource } = snapshot;
    this.#context = {
      object: resource,
      metadata: resource.metadata,
      ...('spec' in resource ? { spec: resource.spec } : {}),
      ...('status' in resource ? { status: resource.status } : {}),
      children: {},
      observe: observedValues(watch, snapshot),
      probes: snapshot.actions.probes,
      vars: {},
      rendered: {},
    };
  }

  context(local: LocalContext = NOTHING): Context {
    return local === NOTHING ? this.#context : { ...this.#context, ...local };
  }

  /** The live object of a manifest; of one with forEach, a list with one entry a key. */
  setChildren(id: string, value: KubeObject | readonly (KubeObject | null)[] | undefined): void {
    const count = (object: KubeObject): KubeObject => counted(this.snapshot, object);
    const live = isList(value) ? value.map((object) => object && count(object)) : value;
    this.#set('children', id.split('.'), isObject(live) ? count(live) : live);
  }

  setRendered(id: string, value: JsonObject | readonly JsonObject[]): void {
    this.#set('rendered', id.split('.'), value);
  }

  setVar(name: string, value: unknown): void {
    this.#set('vars', [name], value);
  }

  /** What was read before stays as it was. */
  #set(root: 'children' | 'vars' | 'rendered', path: readonly string[], value: unknown): void {
    const tree = withNested(this.#context[root], path, value);
    if (tree !== this.#context[root]) this.#context = { ...this.#context, [root]: tree };
  }

  /** The value of this var hangs on something that is absent or wrong. */
  setUnknownVar(name: string, blocker: Blocker): void {
    this.#unknownVars.set(name, blocker);
  }

  /** The same through the pass. */
  kind(gvk: GroupVersionKind): KindInfo | Blocker {
    const known = this.#kinds.get(gvk) ?? this.#kindNow(gvk);
    this.#kinds.set(gvk, known);
    return known;
  }

  #kindNow(gvk: GroupVersionKind): KindInfo | Blocker {
    const info = this.snapshot.kind(gvk);
    if (info === undefined)
      return pending('KindNotServed', `the cluster does not serve ${describeKind(gvk)}`);
    if (!info.synced || info.failure !== undefined) return unknown(describeKind(gvk), info);
    return info;
  }

  /** Why a value that comes from the cluster is absent: not synced, missing or stale. Undefined: it is there. */
  absenceOf(reference: Reference): Blocker | undefined {
    return this.withheld(reference) ?? this.#gapAt(reference);
  }

  /** Why it cannot even be looked for: its kind is not served or not listed, its var hangs on something absent. */
  withheld({ root, path }: Reference): Blocker | undefined {
    const [name] = path;
    if (root === 'children') return this.#unlistedAt(path);
    if (name === undefined) return undefined;
    if (root === 'vars') return this.#unknownVars.get(name);
    if (root !== 'observe') return undefined;
    const observed = this.snapshot.observed[name];
    return observed?.synced === true ? undefined : unknown(`observe.${name}`, observed);
  }

  #unlistedAt(path: readonly string[]): Blocker | undefined {
    if (this.#unlisted.has(path)) return this.#unlisted.get(path);
    const blocker = this.#findUnlisted(path);
    this.#unlisted.set(path, blocker);
    return blocker;
  }

  #findUnlisted(path: readonly string[]): Blocker | undefined {
    for (const manifest of this.#manifestsAt(path)) {
      const info = this.kind(manifest.gvk);
      if ('reason' in info) return info;
    }
    return undefined;
  }

  /** The manifests that a path below `children` speaks of; all documents of a file where it names the file. */
  #manifestsAt(path: readonly string[]): readonly Manifest[] {
    const [first = ''] = path;
    const near = this.watch.manifests.filter(({ id }) => id.startsWith(first));
    const text = `${path.join('.')}.`;
    return near.filter(({ id }) => text.startsWith(`${id}.`) || `${id}.`.startsWith(text));
  }

  #gapAt({ root, path }: Reference): Blocker | undefined {
    switch (root) {
      case 'children':
      case 'rendered':
      case 'probes':
        return gap(root, this.#context[root], path);
      case 'observe':
        return path.length === 0 ? undefined : gap(root, this.#context[root], path);
      default:
        return undefined;
    }
  }
}

function counted({ recall }: Snapshot, object: KubeObject): KubeObject {
  return recall?.counted(object) ?? withZeroCounters(object);
}

function observedValues(watch: Watch, snapshot: Snapshot): Tree {
  const values: Record<string, unknown> = {};
  for (const { name, target } of watch.observe) {
    const observed = snapshot.observed[name];
    if (observed === undefined || !observed.synced) continue;
    const objects = observed.objects.map((object) => counted(snapshot, object));
    if (target.by === 'selector') values[name] = objects;
    else if (objects[0] !== undefined) values[name] = objects[0];
  }
  return values;
}

/** The very same tree where it holds the value already. */
function withNested(tree: Tree, [name, ...rest]: readonly string[], value: unknown): Tree {
  if (name === undefined) return tree;
  const before = Object.hasOwn(tree, name) ? tree[name] : undefined;
  if (rest.length === 0 && value === undefined) {
    const { [name]: gone, ...others } = tree;
    return gone === undefined ? tree : others;
  }
  const after = rest.length === 0 ? value : withNested(isObject(before) ? before : {}, rest, value);
  return after === before ? tree : { ...tree, [name]: after };
}

function gap(root: string, value: unknown, path: readonly string[]): Blocker | undefined {
  const found = look(value, path, 0);
  if (found === 'there') return undefined;
  const name = [root, ...path].join('.');
  return pending(found === 'stale' ? 'ValueStale' : 'ValueMissing', `waits for ${name}, which is ${found}`);
}

type Finding = 'there' | 'missing' | 'stale';

/**
 * Follows a path from one of its names on, as JSONata does: through lists into their items. A complete list without
 * items is knowledge, so it is there; a list whose items all lack the path is not.
 */
function look(value: unknown, path: readonly string[], at: number): Finding {
  const name = path[at];
  if (value === undefined || value === null) return 'missing';
  if (name === undefined) return 'there';
  if (isList(value)) return lookInItems(value, path, at);
  if (!isObject(value) || !Object.hasOwn(value, name)) return 'missing';
  return name === 'status' && isStale(value) ? 'stale' : look(value[name], path, at + 1);
}

function lookInItems(items: readonly unknown[], path: readonly string[], at: number): Finding {
  const findings = items.map((item) => look(item, path, at));
  if (findings.includes('stale')) return 'stale';
  return items.length === 0 || findings.includes('there') ? 'there' : 'missing';
}

/** True where the object's controller has not seen its latest generation, so that its status speaks of an older one. */
export function isStale(object: unknown): boolean {
  if (!isObject(object) || !isObject(object.metadata) || !isObject(object.status)) return false;
  const generation = wholeNumber(object.metadata.generation);
  const observed = wholeNumber(object.status.observedGeneration);
  return generation !== undefined && observed !== undefined && observed < generation;
}

function describeKind(gvk: GroupVersionKind): string {
  return `${groupKind(gvk)} (${gvk.version})`;
}
