/** What the kinds of a playbook make incompatible with definitions before, as problems with places in its files. */
import type { Diagnostic, Severity } from '../base/diagnostic.ts';
import type { KubeObject } from '../kube/object.ts';
import { type CrdChange, crdChanges } from './crd-changes.ts';
import { changeProblem } from './crd-places.ts';
import type { Playbook, PlaybookFiles } from './model.ts';

export interface Incompatible extends Diagnostic {
  readonly change: CrdChange;
}

/** Resources that exist stay as they are under these; all others may refuse or drop what they have. */
const HARMLESS: readonly string[] = ['FieldNowImmutable', 'MergeChanged', 'StorageVersionChanged'];

/** `before`: a definition as it was, by its name; undefined where the kind is new. */
export function incompatibleWith(
  before: (name: string) => KubeObject | undefined,
  { crds }: Pick<Playbook, 'crds'>,
  files: PlaybookFiles,
): readonly Incompatible[] {
  return crds.flatMap((crd) => {
    const old = before(crd.metadata.name);
    if (old === undefined) return [];
    return crdChanges(old, crd).map((change) => {
      const severity: Severity = HARMLESS.includes(change.code) ? 'warning' : 'error';
      return { ...changeProblem(files, crd, { change, severity }), change };
    });
  });
}
