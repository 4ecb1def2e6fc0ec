/**
 * Requests on objects, by kind: resolves kinds through discovery and speaks the API's verbs. Promises of
 * `ClusterClient` in api.ts; nothing is cached here, lists are consistent and read in pages.
 */
import { EngineError } from '../base/errors.ts';
import {
  apiVersionOf,
  type GroupVersionKind,
  gvkOf,
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refOf,
} from '../kube/object.ts';
import type { ApiResource, ClusterClient, WriteOptions } from './api.ts';
import { ApiError, isConflict, isGone, isNotFound } from './errors.ts';
import { isKubeObject, parsePage } from './parse.ts';
import { collectionPath, objectPath, type Query, withQuery } from './paths.ts';
import type { HttpMethod, Transport, TransportRequest } from './transport.ts';

/** How the client finds kinds: discovery, asked again (at a limited rate) for one that it does not know. */
export interface KindResolver {
  resolve(gvk: GroupVersionKind): Promise<ApiResource | undefined>;
  /** The API server denied a path that discovery had promised. */
  reportMissing(gvk: GroupVersionKind): void;
}

export const PAGE_SIZE = 500;
/** A page of 500 large objects may take the API server its whole minute. */
const LIST_TIMEOUT_MS = 65_000;
const MAX_LIST_RESTARTS = 2;

interface Write {
  readonly method: HttpMethod;
  readonly path: string;
  readonly body: Json | KubeObject;
  readonly contentType?: string;
  readonly query?: Query;
}

export function createClient(transport: Transport, kinds: KindResolver): ClusterClient {
  const resourceOf = async (gvk: GroupVersionKind): Promise<ApiResource> => {
    const resource = await kinds.resolve(gvk);
    if (resource === undefined) throw kindNotServed(gvk);
    return resource;
  };

  const write = async (options: WriteOptions, gvk: GroupVersionKind, what: Write): Promise<KubeObject> => {
    const dryRun = options.dryRun === true ? 'All' : undefined;
    const request: TransportRequest = {
      method: what.method,
      path: withQuery(what.path, { fieldManager: options.fieldManager, dryRun, ...what.query }),
      body: what.body,
      ...(what.contentType === undefined ? {} : { contentType: what.contentType }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...checkOf(options),
    };
    return parseObject(
      request,
      await transport.json(request).catch((error) => missingKind(kinds, gvk, error)),
    );
  };

  const listAll = async (
    resource: ApiResource,
    path: string,
    query: Query,
  ): Promise<readonly KubeObject[]> => {
    const objects: KubeObject[] = [];
    let next: string | undefined;
    do {
      const page: Query = { ...query, limit: PAGE_SIZE, continue: next };
      const request: TransportRequest = {
        method: 'GET',
        path: withQuery(path, page),
        timeoutMs: LIST_TIMEOUT_MS,
      };
      const answer = parsePage(
        await transport.json(request).catch((error) => missingKind(kinds, resource.gvk, error)),
        resource.gvk,
      );
      if (answer === undefined) throw invalidAnswer(request);
      for (const object of answer.items) objects.push(object);
      next = answer.next;
    } while (next !== undefined);
    return objects;
  };

  return {
    async get(ref) {
      const request: TransportRequest = { method: 'GET', path: objectPath(await resourceOf(ref), ref) };
      try {
        return parseObject(request, await transport.json(request));
      } catch (error) {
        if (isObjectMissing(error)) return undefined;
        return missingKind(kinds, ref, error);
      }
    },

    async list(gvk, options = {}) {
      const resource = await resourceOf(gvk);
      const path = collectionPath(resource, options.namespace);
      const query = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
      for (let restarts = 0; ; restarts++) {
        try {
          return await listAll(resource, path, query);
        } catch (error) {
          // The continue token outlived etcd's history: begin again.
          if (!isGone(error) || restarts >= MAX_LIST_RESTARTS) throw error;
        }
      }
    },

    async create(body, options) {
      const { ref, resource } = await target(body, resourceOf);
      const path = objectPath(resource, ref).slice(0, -encodeURIComponent(ref.name).length - 1);
      return write(options, ref, { method: 'POST', path, body });
    },

    async apply(body, options) {
      const { ref, resource } = await target(body, resourceOf);
      return write(options, ref, {
        method: 'PATCH',
        path: objectPath(resource, ref, options.subresource),
        body,
        contentType: 'application/apply-patch+yaml',
        query: { force: options.force },
      });
    },

    async jsonPatch(ref, operations, options) {
      const path = objectPath(await resourceOf(ref), ref);
      return write(options, ref, {
        method: 'PATCH',
        path,
        body: operations,
        contentType: 'application/json-patch+json',
      });
    },

    async mergePatch(ref, patch, options) {
      const path = objectPath(await resourceOf(ref), ref, options.subresource);
      return write(options, ref, {
        method: 'PATCH',
        path,
        body: patch,
        contentType: 'application/merge-patch+json',
      });
    },

    async replace(body, options) {
      const ref = refOf(body);
      const path = objectPath(await resourceOf(ref), ref, options.subresource);
      return write(options, ref, { method: 'PUT', path, body });
    },

    async delete(ref, options) {
      const path = objectPath(await resourceOf(ref), ref);
      const body = deleteOptions(options);
      try {
        await transport.text({ method: 'DELETE', path, body, ...checkOf(options) });
      } catch (error) {
        if (isObjectMissing(error)) return;
        // The uid no longer fits: then the object that was meant is gone.
        if (
          isConflict(error) &&
          options.uid !== undefined &&
          (await this.get(ref))?.metadata.uid !== options.uid
        )
          return;
        await missingKind(kinds, ref, error);
      }
    },

    raw: (method, path, body) =>
      transport.json({ method, path, retry: false, ...(body === undefined ? {} : { body }) }),
  };
}

function checkOf({ beforeSend }: Pick<TransportRequest, 'beforeSend'>): Pick<TransportRequest, 'beforeSend'> {
  return beforeSend === undefined ? {} : { beforeSend };
}

type DeleteRequest = Parameters<ClusterClient['delete']>[1];

function deleteOptions({ uid, resourceVersion, propagation, gracePeriodSeconds }: DeleteRequest): JsonObject {
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
  };
}

async function target(
  body: JsonObject,
  resourceOf: (gvk: GroupVersionKind) => Promise<ApiResource>,
): Promise<{ ref: ObjectRef; resource: ApiResource }> {
  if (!isKubeObject(body)) {
    throw new EngineError('ObjectIncomplete', 'an object to write needs apiVersion, kind and metadata.name');
  }
  return { ref: refOf(body), resource: await resourceOf(gvkOf(body)) };
}

function parseObject(request: TransportRequest, value: Json): KubeObject {
  if (isKubeObject(value)) return value;
  throw invalidAnswer(request);
}

function invalidAnswer({ method, path }: TransportRequest): ApiError {
  const outcome = method === 'GET' ? 'known' : 'unknown';
  return new ApiError('ClusterAnswerInvalid', `${method} ${path}: the answer is no Kubernetes object`, {
    outcome,
  });
}

function kindNotServed(gvk: GroupVersionKind, cause?: unknown): ApiError {
  return new ApiError('KindNotServed', `the cluster does not serve ${gvk.kind} (${apiVersionOf(gvk)})`, {
    status: 404,
    hint: 'install its CustomResourceDefinition, or correct apiVersion and kind',
    cause,
  });
}

/** A 404 about the object itself names it; one about an unknown path names nothing. */
function isObjectMissing(error: unknown): error is ApiError {
  return isNotFound(error) && error.details.name !== undefined;
}

function missingKind(kinds: KindResolver, gvk: GroupVersionKind, error: unknown): never {
  if (!isNotFound(error) || error.details.name !== undefined || error.code === 'KindNotServed') throw error;
  kinds.reportMissing(gvk);
  throw kindNotServed(gvk, error);
}
