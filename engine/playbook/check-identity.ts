/** Judges what a manifest calls its object: a name that is there, that Kubernetes takes, and no foreign namespace. */
import type { GroupVersionKind } from '../kube/object.ts';
import type { Problems } from './load-problems.ts';
import { type OutlineNode, outlineAt } from './outline.ts';

export interface IdentityCheck {
  readonly gvk: GroupVersionKind;
  readonly problems: Problems;
  /** The manifest may put its object nowhere but into the resource's own namespace. */
  readonly ownNamespace: boolean;
}

/** The first shape with a fault tells it: shapes of one template share their places. */
export function checkIdentity(shapes: readonly OutlineNode[], check: IdentityCheck): void {
  const { kind } = check.gvk;
  const nameless = shapes.find(lacksName);
  if (nameless !== undefined)
    check.problems.error('FieldMissing', (outlineAt(nameless, 'metadata') ?? nameless).place, {
      message: `${kind} wants metadata.name here`,
      hint: 'begin it with {{metadata.name}}, so that each resource has its own',
    });
  for (const shape of shapes.slice(0, 1)) {
    checkName(outlineAt(shape, 'metadata', 'name'), check);
    if (check.ownNamespace) checkNamespace(outlineAt(shape, 'metadata', 'namespace'), check);
  }
}

function lacksName(shape: OutlineNode): boolean {
  if (shape.kind !== 'map' || shape.entries.some(({ key }) => key === undefined)) return false;
  const metadata = shape.entries.find(({ key }) => key === 'metadata')?.value;
  if (metadata?.kind !== 'map') return metadata === undefined;
  return metadata.entries.every(({ key }) => key !== undefined && key !== 'name');
}

/** Kinds of this group may be called almost anything. */
const FREE = 'rbac.authorization.k8s.io';

function checkName(name: OutlineNode | undefined, { gvk, problems }: IdentityCheck): void {
  if (name === undefined || gvk.group === FREE) return;
  const written = name.kind === 'text' ? name.source : name.kind === 'literal' ? String(name.value) : '';
  if (!/[A-Z_\s]/.test(written.replace(/\{\{[^}]*\}\}/g, ''))) return;
  problems.error('FieldValue', name.place, {
    message: `${written} can't be the name of a ${gvk.kind}`,
    hint: 'names are lower case letters, digits, - and .',
  });
}

function checkNamespace(namespace: OutlineNode | undefined, { gvk, problems }: IdentityCheck): void {
  if (namespace?.kind !== 'literal') return;
  problems.warn('NamespaceNotAllowed', namespace.place, {
    message: `the ${gvk.kind} is refused unless its resource lives in ${namespace.value}, too`,
    hint: `remove it: children live in their resource's namespace; or add namespaces: [${namespace.value}] to the manifest`,
  });
}
