/** What the rest of the engine may ask of a cluster. Implemented in this folder over one shared transport. */
import type { GroupVersionKind, Json, JsonObject, KubeObject, ObjectRef } from '../kube/object.ts';
import type { SchemaNode } from '../kube/schema.ts';

/** A served kind, from discovery. */
export interface ApiResource {
  readonly gvk: GroupVersionKind;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** Called when a connection takes a request (a repetition after 429 too); what it throws prevents it. */
export type BeforeSend = () => void;

export interface WriteOptions {
  readonly fieldManager: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly beforeSend?: BeforeSend;
}

/**
 * Requests on objects. Every failure is an ApiError (errors.ts) that says whether the outcome is known.
 * Kinds are resolved through discovery: an unserved one fails with code `KindNotServed`.
 */
export interface ClusterClient {
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  list(
    gvk: GroupVersionKind,
    options?: { namespace?: string; labelSelector?: string; fieldSelector?: string },
  ): Promise<readonly KubeObject[]>;
  create(body: JsonObject, options: WriteOptions): Promise<KubeObject>;
  /** Server-side apply (PATCH with apply-patch+yaml content, JSON body). `subresource: 'status'` for status. */
  apply(
    body: JsonObject,
    options: WriteOptions & { force: boolean; subresource?: 'status' },
  ): Promise<KubeObject>;
  jsonPatch(ref: ObjectRef, operations: readonly JsonObject[], options: WriteOptions): Promise<KubeObject>;
  mergePatch(
    ref: ObjectRef,
    patch: JsonObject,
    options: WriteOptions & { subresource?: string },
  ): Promise<KubeObject>;
  replace(body: KubeObject, options: WriteOptions & { subresource?: string }): Promise<KubeObject>;
  /** Resolves when the request was taken (the object may still be terminating); a missing object is success. */
  delete(
    ref: ObjectRef,
    options: {
      uid?: string;
      /** Only as it was seen: an object that changed since is a conflict. */
      resourceVersion?: string;
      propagation?: 'Background' | 'Foreground' | 'Orphan';
      gracePeriodSeconds?: number;
      beforeSend?: BeforeSend;
    },
  ): Promise<void>;
  /** Any other request: a path below the server, JSON in and out. */
  raw(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: Json): Promise<Json>;
}

export interface Discovery {
  resource(gvk: GroupVersionKind): ApiResource | undefined;
  /** Everything that is served, in every version, as discovery names it. */
  resources(): readonly ApiResource[];
  /** Any served version of a kind, the preferred first. */
  byKind(group: string, kind: string): ApiResource | undefined;
  /** The schema as last fetched; undefined: none known yet or none published. Asking for it schedules a fetch. */
  schema(gvk: GroupVersionKind): SchemaNode | undefined;
  loadSchema(gvk: GroupVersionKind): Promise<SchemaNode | undefined>;
  refresh(): Promise<void>;
  /** Called after each refresh that changed something; returns the way to stop. */
  onChange(listener: () => void): () => void;
  readonly kubernetesVersion: string;
}

export type StoreEvent =
  | {
      readonly kind: 'added' | 'modified' | 'deleted';
      readonly object: KubeObject;
      readonly previous: KubeObject | undefined /** From the first list or a relist. */;
      readonly initial: boolean;
    }
  /** A complete list has been taken in: the first, or one after a gap in the watch. */
  | { readonly kind: 'synced' };

export interface CacheSelection {
  readonly gvk: GroupVersionKind;
  /** undefined: all namespaces (or a cluster-scoped kind). */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Watch as PartialObjectMetadata: no spec, no status, no data in memory. */
  readonly metadataOnly?: boolean;
}

/** A reflector with its store; shared by selection, counted by users. */
export interface Cache {
  readonly selection: CacheSelection;
  readonly synced: boolean;
  /** Why it is not synced, or fails now: forbidden, not served, unreachable. */
  readonly failure: string | undefined;
  /** That failure is the API server's no to who reads: somebody has to give a right. */
  readonly denied: boolean;
  get(namespace: string | undefined, name: string): KubeObject | undefined;
  list(namespace?: string): readonly KubeObject[];
  /** Objects whose ownerReferences or OWNER_UID_LABEL name this uid. */
  ownedBy(uid: string): readonly KubeObject[];
  /** Objects whose OWNER_ANNOTATION is this text (`Kind.group/namespace/name`): orphans that a new owner may adopt. */
  annotatedWith(owner: string): readonly KubeObject[];
  /** True once the store holds everything up to this resourceVersion (KEP-5504: comparable within a resource). */
  hasSeen(resourceVersion: string): boolean;
  /** Listeners are called synchronously, in the order of events. */
  subscribe(listener: (event: StoreEvent) => void): () => void;
  /** Resolves when synced; rejects when `signal` aborts. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Gives this use back; the last one ends the watch. */
  release(): void;
}

interface CallOptions {
  readonly timeoutMs: number;
  /** Ends the call: it fails as `Cancelled`. */
  readonly signal?: AbortSignal;
  readonly beforeSend?: BeforeSend;
}

export interface ExecRequest extends CallOptions {
  readonly namespace: string;
  readonly pod: string;
  /** Undefined: the pod's default container (its annotation, else the first). */
  readonly container?: string;
  readonly command: readonly string[];
  /** Sent whole, then the command reads the end of its input. */
  readonly stdin?: string;
}

export interface HttpRequest extends CallOptions {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM bundle to trust instead of the system's. */
  readonly ca?: string;
}

export interface CallFailure {
  readonly kind: 'failed';
  /**
   * `TimedOut`, `PodNotFound`, `PodNotRunning`, `ContainerNotFound`, `ExecFailed`, `Forbidden`, `BadRequest`,
   * `Unreachable`, `Cancelled`.
   */
  readonly reason: string;
  readonly message: string;
}

/** Of what came back at most 64 KiB of each text are kept (of stderr the end); `truncated`: there was more. */
export type ExecAnswer =
  | {
      readonly kind: 'exec';
      readonly exitCode: number;
      readonly stdout: string;
      readonly stderr: string;
      readonly truncated: boolean;
    }
  | CallFailure;

export type HttpAnswer =
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly truncated: boolean;
    }
  | CallFailure;

/** Calls on the applications themselves. They never reject: a call that could not be made is an answer, too. */
export interface ApplicationCalls {
  exec(request: ExecRequest): Promise<ExecAnswer>;
  /** No redirect is followed: it is the answer. */
  http(request: HttpRequest): Promise<HttpAnswer>;
}

/** Whom requests are made as. */
export interface ActingAs {
  /** `system:serviceaccount:NAMESPACE:NAME`: the API server adds the groups of a ServiceAccount by itself. */
  readonly user: string;
  /** Said after each denial of this user: what to do about it. */
  readonly wayOut?: string;
}

/** Told when a watch of this user's is refused, and (undefined) when it is allowed again or not wanted any more. */
export type OnDenied = (selection: CacheSelection, denial: string | undefined) => void;

export interface Cluster {
  readonly client: ClusterClient;
  readonly calls: ApplicationCalls;
  readonly discovery: Discovery;
  cache(selection: CacheSelection): Cache;
  /**
   * The same cluster as another user sees it: over the same connections and with the same discovery, but with a
   * client, calls and caches that act as this user. Closing it ends its watches alone.
   */
  actAs(user: ActingAs, onDenied?: OnDenied): Cluster;
  /** Ends every watch and connection. */
  close(): Promise<void>;
}
