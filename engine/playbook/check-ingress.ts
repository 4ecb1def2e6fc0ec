/**
 * An Ingress whose backend is a Service of the same watch names one of its ports; with another one it is accepted and
 * answers nobody. A Service that no manifest writes under just that name is somebody else's.
 */
import { groupKind } from '../kube/object.ts';
import { type Found, tell } from './check-pods.ts';
import type { Problems } from './load-problems.ts';
import {
  isLiteral,
  itemsOf,
  literalsAt,
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
    const offered = literalsAt(ports, field);
    if (!isLiteral(wanted) || offered === undefined || offered.has(String(wanted.value))) continue;
    const { place, value } = wanted;
    const hint = didYouMean(String(value), [...offered]) ?? 'add it to the ports of the Service';
    const message = `the Service has no port ${value}`;
    tell(place, found, () => found.problems.warn('PortNotFound', place, { message, hint }));
  }
}
