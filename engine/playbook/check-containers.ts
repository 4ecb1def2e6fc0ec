/**
 * What the containers of a pod must agree on with their pod: a mount names one of its volumes, or the API server refuses
 * it (unless a webhook adds that volume: hence a warning); a probe names one of the container's own ports, or it fails
 * for ever. A template's shapes are taken together, so that what stands behind `{{#if}}` counts everywhere; what is not
 * written out is left alone.
 */
import { placeKey } from '../base/diagnostic.ts';
import { groupKind } from '../kube/object.ts';
import { POD_TEMPLATES } from './check-pods.ts';
import type { Problems } from './load-problems.ts';
import {
  isLiteral,
  itemsOf,
  literalsAt,
  type OutlineLiteral,
  type OutlineNode,
  type OutlinePart,
  partAt,
  type WrittenDocument,
} from './outline.ts';
import { didYouMean } from './suggest.ts';

export function checkContainers(documents: readonly WrittenDocument[], problems: Problems): void {
  for (const document of documents) {
    const path = POD_TEMPLATES[groupKind(document.gvk)];
    if (path === undefined || document.partial) continue;
    const pods = document.shapes.map((shape) => partAt(shape, ...path, 'spec'));
    const containers = pods.flatMap(containersOf);
    checkMounts(containers, volumesOf(document.shapes, pods), problems);
    checkPortNames(containers, problems);
  }
}

function containersOf(pod: OutlinePart): readonly OutlineNode[] {
  return ['initContainers', 'containers'].flatMap((key) => itemsOf(partAt(pod, key)) ?? []);
}

/** Undefined where some of them are not written out. */
type Names = ReadonlySet<string> | undefined;

function volumesOf(shapes: readonly OutlineNode[], pods: readonly OutlinePart[]): Names {
  return joined([
    ...pods.map((pod) => namesIn(partAt(pod, 'volumes'), 'name')),
    // Of a StatefulSet.
    ...shapes.map((shape) => namesIn(partAt(shape, 'spec', 'volumeClaimTemplates'), 'metadata', 'name')),
  ]);
}

function joined(several: readonly Names[]): Names {
  const all = several.filter((names) => names !== undefined);
  return all.length < several.length ? undefined : new Set(all.flatMap((names) => [...names]));
}

function namesIn(list: OutlinePart, ...path: readonly string[]): Names {
  const items = itemsOf(list);
  return items && literalsAt(items, ...path);
}

function checkMounts(containers: readonly OutlineNode[], volumes: Names, problems: Problems): void {
  if (volumes === undefined) return;
  const mounts = containers.flatMap((container) =>
    ['volumeMounts', 'volumeDevices'].flatMap((key) => itemsOf(partAt(container, key)) ?? []),
  );
  const wrong = mounts
    .map((mount) => partAt(mount, 'name'))
    .filter(isLiteral)
    .filter(({ value }) => !volumes.has(String(value)));
  for (const { place, value } of onePerPlace(wrong)) {
    const hint = didYouMean(String(value), [...volumes]) ?? 'add it to the volumes of the pod';
    problems.warn('VolumeNotFound', place, { message: `the pod has no volume ${value}`, hint });
  }
}

const CALLS = [
  ['livenessProbe'],
  ['readinessProbe'],
  ['startupProbe'],
  ['lifecycle', 'postStart'],
  ['lifecycle', 'preStop'],
] as const;

function checkPortNames(containers: readonly OutlineNode[], problems: Problems): void {
  const ports = portsByContainer(containers);
  const wrong = containers.flatMap((container) => {
    const names = ports.get(keyOf(container));
    if (names === undefined) return [];
    return portNamesIn(container)
      .filter(({ value }) => !names.has(String(value)))
      .map((port) => ({ ...port, names }));
  });
  for (const { place, value, names } of onePerPlace(wrong)) {
    const hint = didYouMean(String(value), [...names]) ?? 'name the port in the ports of the container';
    problems.warn('PortNotFound', place, { message: `the container has no port named ${value}`, hint });
  }
}

/** By container: one that stands in several shapes has the ports of all of them. */
function portsByContainer(containers: readonly OutlineNode[]): ReadonlyMap<string, Names> {
  const grouped = Map.groupBy(containers, keyOf);
  return new Map(
    [...grouped].map(([key, same]) => [
      key,
      joined(same.map((each) => namesIn(partAt(each, 'ports'), 'name'))),
    ]),
  );
}

function keyOf(container: OutlineNode): string {
  const name = partAt(container, 'name');
  return isLiteral(name) ? `=${name.value}` : placeKey(container.place);
}

/** A number needs no port of that number, also where it is written as a text. */
function portNamesIn(container: OutlineNode): readonly OutlineLiteral[] {
  return CALLS.flatMap((call) =>
    ['httpGet', 'tcpSocket'].map((kind) => partAt(container, ...call, kind, 'port')),
  )
    .filter(isLiteral)
    .filter(({ value }) => typeof value === 'string' && !/^\d+$/.test(value));
}

function onePerPlace<Found extends OutlineLiteral>(found: readonly Found[]): readonly Found[] {
  return [...new Map(found.map((each) => [placeKey(each.place), each])).values()];
}
