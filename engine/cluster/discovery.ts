/**
 * Which kinds the cluster serves, and their schemas. Asked at the start, after each change of a
 * CustomResourceDefinition or APIService (their handlers follow the object by up to seconds, so it is asked a few
 * times more, which costs a 304 each), and, at a limited rate, when somebody misses a kind.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type GroupVersionKind, isObject, type Json } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import type { ApiResource, Cache, CacheSelection, Discovery } from './api.ts';
import type { KindResolver } from './client.ts';
import {
  type DiscoveryDocument,
  keepStale,
  parseAggregated,
  parseGroupList,
  parseResourceList,
} from './discovery-document.ts';
import { parseJson } from './json.ts';
import { groupVersionPath } from './paths.ts';
import { createSchemaCatalog, type SchemaCatalog, type SchemaReader } from './schema-catalog.ts';
import type { Transport } from './transport.ts';

export interface DiscoveryOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly readSchema: SchemaReader;
}

const ACCEPT = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

/** After a change of a CRD or APIService: when to look, in milliseconds. */
const LOOKS_AFTER_CHANGE_MS = [50, 250, 600, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000];
/** Between two looks because somebody missed a kind. */
const MISS_INTERVAL_MS = 3_000;
const SCHEMA_RETRY_MS = 5_000;
/** Where CRDs may not be watched, discovery is asked this often. */
const POLL_MS = 60_000;

const CRD_SELECTION: CacheSelection = {
  gvk: { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' },
  metadataOnly: true,
};
const API_SERVICE_SELECTION: CacheSelection = {
  gvk: { group: 'apiregistration.k8s.io', version: 'v1', kind: 'APIService' },
  metadataOnly: true,
};

/** A part of the document with what is needed to ask for it again. */
interface Part {
  readonly etag: string | undefined;
  readonly document: DiscoveryDocument;
}

export class ClusterDiscovery implements Discovery, KindResolver {
  readonly #options: DiscoveryOptions;
  readonly #schemas: SchemaCatalog;
  readonly #listeners = new Set<() => void>();
  readonly #caches: Cache[] = [];
  readonly #parts = new Map<string, Part>();
  readonly #timers = new Set<Timer>();
  /** When the cluster was last asked for a kind that it did not serve, by kind; monotonic. */
  readonly #misses = new Map<string, number>();
  readonly #looks: (Timer | undefined)[] = [];
  /** Schemas on their way, or refused a moment ago. */
  readonly #loading = new Set<string>();
  #document: DiscoveryDocument = [];
  #byKind = new Map<string, ApiResource>();
  #version = '';
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #closed = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#schemas = createSchemaCatalog(options.transport, options.readSchema);
  }

  get kubernetesVersion(): string {
    return this.#version;
  }

  resource(gvk: GroupVersionKind): ApiResource | undefined {
    return this.#byKind.get(keyOf(gvk.group, gvk.version, gvk.kind));
  }

  resources(): readonly ApiResource[] {
    return this.#document.flatMap((entry) => entry.resources);
  }

  byKind(group: string, kind: string): ApiResource | undefined {
    return this.#byKind.get(keyOf(group, '', kind));
  }

  schema(gvk: GroupVersionKind): SchemaNode | undefined {
    if (!this.#schemas.knows(gvk)) this.#loadOnce(gvk);
    return this.#schemas.peek(gvk);
  }

  #loadOnce(gvk: GroupVersionKind): void {
    const key = keyOf(gvk.group, gvk.version, gvk.kind);
    if (this.#loading.has(key)) return;
    this.#loading.add(key);
    this.#schemas.load(gvk).then(
      (schema) => {
        this.#loading.delete(key);
        if (schema !== undefined) this.#tell();
      },
      (error) => {
        this.#options.logger.warn('cannot load a schema', { kind: gvk.kind, error: errorMessage(error) });
        this.#later(SCHEMA_RETRY_MS, () => this.#loading.delete(key));
      },
    );
  }

  loadSchema(gvk: GroupVersionKind): Promise<SchemaNode | undefined> {
    return this.#schemas.load(gvk);
  }

  /** One look at a time; who asks during one gets the next, which is sure to begin after the question. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#look().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#again ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#again = undefined;
        return this.refresh();
      });
    return this.#again;
  }

  onChange(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Discovery's answer for a kind, after another look where it knows none. */
  async resolve(gvk: GroupVersionKind): Promise<ApiResource | undefined> {
    const known = this.resource(gvk);
    if (known !== undefined) return known;
    // Where another request for the kind has just asked for a look, its answer counts for this one, too.
    await (this.#mayLook('resolve', gvk) ? this.refresh() : (this.#again ?? this.#running));
    return this.resource(gvk);
  }

  reportMissing(gvk: GroupVersionKind): void {
    if (!this.#closed && this.#mayLook('watch', gvk)) this.#lookLater(0);
  }

  /** Follows CRDs and APIServices from now on. */
  watch(openCache: (selection: CacheSelection) => Cache): void {
    for (const selection of [CRD_SELECTION, API_SERVICE_SELECTION]) {
      const cache = openCache(selection);
      this.#caches.push(cache);
      cache.subscribe((event) => {
        if (event.kind === 'synced') this.#lookLater(0);
        else if (cache.synced) this.#lookOften();
      });
    }
    this.#poll();
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    for (const cache of this.#caches) cache.release();
    this.#listeners.clear();
  }

  /** A kind that is missed again and again costs a look every few seconds, whoever misses it. */
  #mayLook(who: 'resolve' | 'watch', { group, version, kind }: GroupVersionKind): boolean {
    const key = `${who} ${keyOf(group, version, kind)}`;
    const now = this.#options.clock.monotonic();
    if (now - (this.#misses.get(key) ?? Number.NEGATIVE_INFINITY) < MISS_INTERVAL_MS) return false;
    this.#misses.set(key, now);
    return true;
  }

  /** The looks after the latest change; those after an earlier one that is still ahead are the same looks. */
  #lookOften(): void {
    for (const timer of this.#looks.splice(0)) timer?.cancel();
    for (const delay of LOOKS_AFTER_CHANGE_MS) this.#looks.push(this.#lookLater(delay));
  }

  #lookLater(delayMs: number): Timer | undefined {
    return this.#later(delayMs, () => {
      this.refresh().catch((error) =>
        this.#options.logger.warn('discovery failed', { error: errorMessage(error) }),
      );
    });
  }

  #poll(): void {
    this.#later(POLL_MS, () => {
      if (this.#caches.some((cache) => !cache.synced)) this.#lookLater(0);
      this.#poll();
    });
  }

  #later(delayMs: number, action: () => void): Timer | undefined {
    if (this.#closed) return undefined;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
    return timer;
  }

  async #look(): Promise<void> {
    const parts = await Promise.all(['/api', '/apis'].map((path) => this.#part(path)));
    const next = keepStale(parts.flat(), this.#document);
    const changed = JSON.stringify(next) !== JSON.stringify(this.#document);
    if (changed) {
      this.#version = versionOf(await this.#options.transport.json({ method: 'GET', path: '/version' }));
      this.#document = next;
      this.#byKind = indexKinds(next);
    }
    const schemasChanged = await this.#schemas.refresh();
    if (changed || schemasChanged) this.#tell();
  }

  async #part(path: string): Promise<DiscoveryDocument> {
    const before = this.#parts.get(path);
    const headers = before?.etag === undefined ? {} : { 'if-none-match': before.etag };
    const response = await this.#options.transport.text({ method: 'GET', path, accept: ACCEPT, headers });
    if (response.status === 304 && before !== undefined) return before.document;
    const answer = parseJson(response.text);
    const aggregated = parseAggregated(answer);
    if (aggregated === undefined) return this.#legacyPart(path, answer);
    const { etag } = response.headers;
    this.#parts.set(path, { etag: typeof etag === 'string' ? etag : undefined, document: aggregated });
    return aggregated;
  }

  /** Servers before Kubernetes 1.26: one request a group-version; one that does not answer keeps what was known. */
  #legacyPart(path: string, answer: Json): Promise<DiscoveryDocument> {
    const versions = path === '/api' ? coreVersions(answer) : parseGroupList(answer);
    return Promise.all(
      versions.map(({ group, version }) =>
        this.#options.transport.json({ method: 'GET', path: groupVersionPath({ group, version }) }).then(
          (list) => parseResourceList(group, version, list),
          () => ({ group, version, stale: true, resources: [] }),
        ),
      ),
    );
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error('a discovery listener failed', { error: errorMessage(error) });
      }
    }
  }
}

function keyOf(group: string, version: string, kind: string): string {
  return `${group}/${version}/${kind}`;
}

/** By group, version and kind; and by group and kind alone for the first version that serves it, the preferred one. */
function indexKinds(document: DiscoveryDocument): Map<string, ApiResource> {
  const index = new Map<string, ApiResource>();
  for (const resource of document.flatMap((entry) => entry.resources)) {
    const { group, version, kind } = resource.gvk;
    for (const key of [keyOf(group, version, kind), keyOf(group, '', kind)]) {
      // Two resources of one kind: the one that can be listed is the one that holds its objects.
      const listable = resource.verbs.includes('list') && !index.get(key)?.verbs.includes('list');
      if (!index.has(key) || (listable && index.get(key)?.gvk.version === version)) index.set(key, resource);
    }
  }
  return index;
}

function coreVersions(answer: Json): { group: string; version: string }[] {
  const versions = isObject(answer) && Array.isArray(answer.versions) ? answer.versions : [];
  return versions.filter((version) => typeof version === 'string').map((version) => ({ group: '', version }));
}

/** `1.35.4`, without the leading v. */
function versionOf(answer: Json): string {
  const version = isObject(answer) ? answer.gitVersion : undefined;
  return typeof version === 'string' ? version.replace(/^v/, '') : '';
}
