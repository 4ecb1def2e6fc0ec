/**
 * An Ingress whose backend is a Service of the same watch names one of its ports; with another one it is accepted and
 * answers nobody. A Service that no manifest writes under just that name is somebody else's.
 */
import { groupKind } from '../kube/object.ts';
import type { Problems } from './load-problems.ts';
import {
  itemsOf,
  nameAt,
  type OutlineNode,
  type OutlinePart,
  partAt,
  type WrittenDocument,
} from './outline.ts';
import { didYouMean } from './suggest.ts';

export function checkIngresses(documents: readonly WrittenDocument[], problems: Problems): void {
  const services = servicesOf(documents);
  for (const { gvk, partial, elsewhere, shapes } of documents) {
    if (groupKind(gvk) !== 'Ingress.networking.k8s.io' || partial || elsewhere) continue;
    const reported = new Set<string>();
    for (const shape of shapes) {
      if (partAt(shape, 'metadata', 'namespace') !== 'absent') continue;
      for (const backend of backendsOf(shape)) checkBackend(backend, services, { problems, reported });
    }
  }
}

/** One shape of a Service. */
interface Service {
  readonly name: string | undefined;
  /** Undefined where some of its ports are not written out. */
  readonly ports: readonly OutlineNode[] | undefined;
}

function servicesOf(documents: readonly WrittenDocument[]): readonly Service[] {
  return documents
    .filter(({ gvk, elsewhere }) => groupKind(gvk) === 'Service' && !elsewhere)
    .flatMap(({ partial, shapes }) =>
      shapes
        .filter((shape) => partAt(shape, 'metadata', 'namespace') === 'absent')
        .map((shape) => {
          const ports = partial ? undefined : itemsOf(partAt(shape, 'spec', 'ports'));
          const written = ports?.every((port) => port.kind === 'map') === true;
          return { name: nameAt(shape, 'metadata', 'name'), ports: written ? ports : undefined };
        }),
    );
}

function backendsOf(ingress: OutlineNode): readonly OutlinePart[] {
  const rules = itemsOf(partAt(ingress, 'spec', 'rules')) ?? [];
  const paths = rules.flatMap((rule) => itemsOf(partAt(rule, 'http', 'paths')) ?? []);
  return [
    partAt(ingress, 'spec', 'defaultBackend', 'service'),
    ...paths.map((path) => partAt(path, 'backend', 'service')),
  ];
}

interface Found {
  readonly problems: Problems;
  readonly reported: Set<string>;
}

function checkBackend(backend: OutlinePart, services: readonly Service[], found: Found): void {
  const name = nameAt(backend, 'name');
  const named = services.filter((service) => name !== undefined && service.name === name);
  if (named.length === 0 || named.some(({ ports }) => ports === undefined)) return;
  const ports = named.flatMap((service) => service.ports ?? []);
  for (const [key, field] of [
    ['name', 'name'],
    ['number', 'port'],
  ] as const) {
    const wanted = partAt(backend, 'port', key);
    const offered = ports.map((port) => partAt(port, field));
    if (typeof wanted !== 'object' || wanted.kind !== 'literal') continue;
    const literals = offered.flatMap((each) =>
      typeof each === 'object' && each.kind === 'literal' ? [String(each.value)] : [],
    );
    const absent = offered.filter((each) => each === 'absent').length;
    if (literals.length + absent < offered.length || literals.includes(String(wanted.value))) continue;
    tell(wanted, literals, found);
  }
}

function tell(
  { place, value }: Extract<OutlineNode, { kind: 'literal' }>,
  offered: readonly string[],
  { problems, reported }: Found,
): void {
  const key = `${place.line}:${place.column}`;
  if (reported.has(key)) return;
  reported.add(key);
  const hint = didYouMean(String(value), [...new Set(offered)]) ?? 'add it to the ports of the Service';
  problems.warn('PortNotFound', place, { message: `the Service has no port ${value}`, hint });
}
