/** Discovery documents as data: from what the API server publishes to a list of served kinds. Pure. */
import { isObject } from '../kube/object.ts';
import type { ApiResource } from './api.ts';

/** Resources of one group-version; `stale`: an aggregated API server did not answer, its resources are not known now. */
export interface GroupVersionResources {
  readonly group: string;
  readonly version: string;
  readonly stale: boolean;
  readonly resources: readonly ApiResource[];
}

/** In the server's order: within a group the preferred version comes first. */
export type DiscoveryDocument = readonly GroupVersionResources[];

type Fields = Record<string, unknown>;

/** APIGroupDiscoveryList (apidiscovery.k8s.io v2 and v2beta1, KEP-3352); undefined where the answer is of another kind. */
export function parseAggregated(answer: unknown): DiscoveryDocument | undefined {
  if (!isObject(answer) || answer.kind !== 'APIGroupDiscoveryList') return undefined;
  return objects(answer.items).flatMap((group) => {
    const name = text(isObject(group.metadata) ? group.metadata.name : undefined);
    return objects(group.versions).map((version) => parseAggregatedVersion(name, version));
  });
}

function parseAggregatedVersion(group: string, version: Fields): GroupVersionResources {
  const name = text(version.version);
  return {
    group,
    version: name,
    stale: version.freshness === 'Stale',
    resources: objects(version.resources).flatMap((resource) =>
      parseAggregatedResource(group, name, resource),
    ),
  };
}

/** A resource without a kind of its own has subresources alone (`pods/eviction` of some servers). */
function parseAggregatedResource(group: string, version: string, resource: Fields): ApiResource[] {
  const kind = isObject(resource.responseKind) ? text(resource.responseKind.kind) : '';
  const plural = text(resource.resource);
  if (kind === '' || plural === '') return [];
  return [
    {
      gvk: { group, version, kind },
      plural,
      namespaced: resource.scope === 'Namespaced',
      verbs: strings(resource.verbs),
      subresources: objects(resource.subresources).map((sub) => text(sub.subresource)),
    },
  ];
}

/** APIGroupList, of servers before aggregated discovery: the group-versions, the preferred first in each group. */
export function parseGroupList(
  answer: unknown,
): readonly { readonly group: string; readonly version: string }[] {
  if (!isObject(answer)) return [];
  return objects(answer.groups).flatMap((entry) => {
    const group = text(entry.name);
    const preferred = isObject(entry.preferredVersion) ? text(entry.preferredVersion.version) : '';
    const versions = objects(entry.versions).map((version) => text(version.version));
    const ordered = [preferred, ...versions.filter((version) => version !== preferred)];
    return ordered.filter((version) => version !== '').map((version) => ({ group, version }));
  });
}

/** APIResourceList of one group-version. */
export function parseResourceList(group: string, version: string, answer: unknown): GroupVersionResources {
  const entries = isObject(answer) ? objects(answer.resources) : [];
  const subresources = entries.map((entry) => text(entry.name)).filter((name) => name.includes('/'));
  const resources = entries
    .filter((entry) => !text(entry.name).includes('/'))
    .map((entry) => {
      const plural = text(entry.name);
      return {
        gvk: { group, version, kind: text(entry.kind) },
        plural,
        namespaced: entry.namespaced === true,
        verbs: strings(entry.verbs),
        subresources: subresources
          .filter((name) => name.startsWith(`${plural}/`))
          .map((name) => name.slice(plural.length + 1)),
      };
    });
  return { group, version, stale: false, resources };
}

/** The new document, with what was known before of the group-versions that could not be asked. */
export function keepStale(next: DiscoveryDocument, before: DiscoveryDocument): DiscoveryDocument {
  return next.map((entry) => {
    if (!entry.stale) return entry;
    const known = before.find((old) => old.group === entry.group && old.version === entry.version);
    return known === undefined ? entry : { ...entry, resources: known.resources };
  });
}

function objects(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
