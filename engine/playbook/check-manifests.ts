/**
 * Static checks over all that a watch writes: fields and their types (check-fields.ts), names (check-identity.ts), and what
 * several manifests must agree on: selectors with the labels of pods, ports of Services with those of containers, mounts
 * with volumes.
 */

import { checkContainers } from './check-containers.ts';
import { checkFields, type FieldCheck, warnMissingFields } from './check-fields.ts';
import { checkIdentity } from './check-identity.ts';
import { checkIngresses } from './check-ingress.ts';
import { checkPods } from './check-pods.ts';
import type { Names } from './check-references.ts';
import type { KnownPaths } from './language.ts';
import type { TemplateFiles } from './load-files.ts';
import type { Problems } from './load-problems.ts';
import type { ManifestUse, Use } from './load-scope.ts';
import type { WrittenDocument } from './outline.ts';

export interface ManifestCheck {
  readonly names: Names;
  readonly known: KnownPaths;
  readonly problems: Problems;
  readonly templates: TemplateFiles;
}

interface Written extends WrittenDocument {
  readonly child: ManifestUse['child'];
}

export function checkManifests(
  uses: readonly Use[],
  { names, known, problems, templates }: ManifestCheck,
): void {
  const documents = uses.flatMap(({ manifest }): readonly Written[] => {
    if (manifest === undefined) return [];
    const { template, partial, elsewhere = false, child } = manifest;
    const outlines = templates.outlinesOf(template);
    return template.documents.map((gvk, index) => ({
      gvk,
      partial,
      elsewhere,
      child,
      shapes: outlines[index] ?? [],
    }));
  });
  const makesNamespaces = documents.some(({ gvk }) => gvk.group === '' && gvk.kind === 'Namespace');
  for (const { gvk, shapes, partial, child } of documents) {
    const check: FieldCheck = {
      kind: gvk.kind,
      names,
      known,
      problems,
      reported: new Set(),
      maps: new Map(),
    };
    if (child !== undefined)
      checkIdentity(shapes, { gvk, problems, ownNamespace: child.ownNamespace && !makesNamespaces });
    for (const shape of shapes) checkFields(shape, names.catalogue.schemaOf(gvk), check);
    if (!partial) warnMissingFields(check);
  }
  checkPods(documents, problems);
  checkContainers(documents, problems);
  checkIngresses(documents, problems);
}
