/**
 * Schemas of served kinds, from the OpenAPI v3 documents (one a group-version, KEP-2896). The index names each
 * document by a URL that holds its hash, so a document is fetched once as long as it does not change.
 */
import { apiVersionOf, type GroupVersionKind, isObject, type Json, type JsonObject } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';
import { isNotFound } from './errors.ts';
import { groupVersionPath } from './paths.ts';
import type { Transport } from './transport.ts';

/** Finds a kind's schema in a document; engine/kube has it. */
export type SchemaReader = (document: JsonObject, gvk: GroupVersionKind) => SchemaNode | undefined;

export interface SchemaCatalog {
  /** As fetched so far. */
  peek(gvk: GroupVersionKind): SchemaNode | undefined;
  /** False where `load` would ask the server. */
  knows(gvk: GroupVersionKind): boolean;
  load(gvk: GroupVersionKind): Promise<SchemaNode | undefined>;
  /** Fetches anew what changed, or was missing, among what was ever asked for; true if there was any. */
  refresh(): Promise<boolean>;
}

interface Entry {
  readonly gvk: GroupVersionKind;
  /** URL of the document that the schema was read from; undefined: the index had none. */
  readonly url: string | undefined;
  readonly schema: SchemaNode | undefined;
}

/** OpenAPI documents of large groups take the API server seconds to build. */
const TIMEOUT_MS = 65_000;

export function createSchemaCatalog(transport: Transport, read: SchemaReader): SchemaCatalog {
  let index: Promise<ReadonlyMap<string, string>> | undefined;
  const documents = new Map<string, Promise<JsonObject>>();
  const entries = new Map<string, Entry>();

  const fetchIndex = async (): Promise<ReadonlyMap<string, string>> => {
    const answer = await transport
      .json({ method: 'GET', path: '/openapi/v3', timeoutMs: TIMEOUT_MS })
      .catch(emptyIfMissing);
    return parseIndex(answer);
  };

  const fetchDocument = (url: string): Promise<JsonObject> => {
    const known = documents.get(url);
    if (known !== undefined) return known;
    const document = transport
      .json({ method: 'GET', path: url, timeoutMs: TIMEOUT_MS })
      .then((answer) => (isJsonObject(answer) ? answer : {}));
    documents.set(url, document);
    document.catch(() => documents.delete(url));
    return document;
  };

  const currentIndex = (): Promise<ReadonlyMap<string, string>> => {
    if (index !== undefined) return index;
    const fetched = fetchIndex();
    index = fetched;
    fetched.catch(() => {
      if (index === fetched) index = undefined;
    });
    return fetched;
  };

  const load = async (gvk: GroupVersionKind): Promise<SchemaNode | undefined> => {
    const url = (await currentIndex()).get(groupVersionPath(gvk).slice(1));
    const known = entries.get(keyOf(gvk));
    if (known !== undefined && known.url === url) return known.schema;
    const schema = url === undefined ? undefined : read(await fetchDocument(url), gvk);
    entries.set(keyOf(gvk), { gvk, url, schema });
    return schema;
  };

  return {
    peek: (gvk) => entries.get(keyOf(gvk))?.schema,
    knows: (gvk) => entries.has(keyOf(gvk)),
    load,
    async refresh() {
      if (entries.size === 0) return false;
      index = undefined;
      const before = [...entries.values()];
      await Promise.all(before.map((entry) => load(entry.gvk)));
      const used = new Set([...entries.values()].map((entry) => entry.url));
      for (const url of documents.keys()) if (!used.has(url)) documents.delete(url);
      return before.some((entry) => entries.get(keyOf(entry.gvk))?.url !== entry.url);
    },
  };
}

function keyOf(gvk: GroupVersionKind): string {
  return `${apiVersionOf(gvk)}/${gvk.kind}`;
}

/** `apis/apps/v1` → `/openapi/v3/apis/apps/v1?hash=…` */
function parseIndex(answer: Json): ReadonlyMap<string, string> {
  const paths = isObject(answer) && isObject(answer.paths) ? answer.paths : {};
  const index = new Map<string, string>();
  for (const [path, entry] of Object.entries(paths)) {
    const url = isObject(entry) ? entry.serverRelativeURL : undefined;
    if (typeof url === 'string') index.set(path, url);
  }
  return index;
}

/** Servers without OpenAPI v3: no schema is known, which is no error. */
function emptyIfMissing(error: unknown): Json {
  if (isNotFound(error)) return {};
  throw error;
}

function isJsonObject(value: Json): value is JsonObject {
  return isObject(value);
}
