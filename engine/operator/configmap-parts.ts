/**
 * Puts the ConfigMaps that carry one label value together to one playbook. Pure. Parts that announce how many they
 * are (`libretto.dev/parts`) and which version they belong to (`libretto.dev/version`) are taken only when they are
 * complete and agree, so that two edits count as one.
 */
import type { Diagnostic } from '../base/diagnostic.ts';
import { isObject, type KubeObject } from '../kube/object.ts';
import { sourceProblem } from './source.ts';

export const PARTS_ANNOTATION = 'libretto.dev/parts';
export const VERSION_ANNOTATION = 'libretto.dev/version';
/** The API server's own limit for the data of one object; what is larger came from somewhere else. */
const MAX_FILE_BYTES = 1024 * 1024;

export type Assembly =
  | {
      readonly kind: 'complete';
      readonly files: ReadonlyMap<string, string>;
      readonly problems: readonly Diagnostic[];
    }
  /** Waits for a part, or for the parts to agree. */
  | { readonly kind: 'incomplete'; readonly problem: Diagnostic };

/** Parts come in any order. */
export function assembleParts(parts: readonly KubeObject[]): Assembly {
  const ordered = [...parts].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const incomplete = findIncomplete(ordered);
  if (incomplete !== undefined) return { kind: 'incomplete', problem: incomplete };
  const files = new Map<string, string>();
  const problems: Diagnostic[] = [];
  for (const part of ordered) takePart(part, files, problems);
  return { kind: 'complete', files, problems };
}

function findIncomplete(parts: readonly KubeObject[]): Diagnostic | undefined {
  const names = parts.map((p) => p.metadata.name).join(', ');
  const expected = new Set(parts.flatMap((p) => p.metadata.annotations?.[PARTS_ANNOTATION] ?? []));
  const count = Math.max(0, ...[...expected].map(Number).filter(Number.isInteger));
  if (expected.size > 0 && count !== parts.length) {
    const message = `the playbook says that it has ${[...expected].join(' or ')} parts, and ${parts.length} are there (${names})`;
    return sourceProblem(
      'PlaybookIncomplete',
      names,
      message,
      `create the missing ConfigMaps, or correct the annotation ${PARTS_ANNOTATION}`,
    );
  }
  const versions = new Set(parts.map((p) => p.metadata.annotations?.[VERSION_ANNOTATION]));
  if (versions.size > 1) {
    const message = `the parts ${names} carry different versions: ${[...versions].map((v) => v ?? 'none').join(', ')}`;
    return sourceProblem(
      'PlaybookIncomplete',
      names,
      message,
      `give all parts the same annotation ${VERSION_ANNOTATION}; until then the version before stays in use`,
    );
  }
  return undefined;
}

function takePart(part: KubeObject, files: Map<string, string>, problems: Diagnostic[]): void {
  const data = isObject(part['data']) ? part['data'] : {};
  for (const [file, content] of Object.entries(data)) {
    const text = String(content);
    if (files.has(file)) {
      problems.push(
        sourceProblem(
          'FileTwice',
          file,
          `the file stands in several parts, also in ${part.metadata.name}`,
          'keep it in one ConfigMap',
        ),
      );
    } else if (text.length > MAX_FILE_BYTES) {
      problems.push(
        sourceProblem(
          'FileTooLarge',
          file,
          `the file is larger than ${MAX_FILE_BYTES} bytes`,
          'split it into several files',
        ),
      );
    } else files.set(file, text);
  }
  const binary = isObject(part['binaryData']) ? part['binaryData'] : {};
  for (const file of Object.keys(binary)) {
    problems.push(
      sourceProblem(
        'FileNotText',
        file,
        'the file is no UTF-8 text',
        'save it as UTF-8, or leave it out of the ConfigMap',
      ),
    );
  }
}
