/**
 * What a definition's last change made incompatible with the one before. It can be told only while both are at hand, and
 * must be warned of as long as the playbook stands so: the definition itself keeps it, in the write that changes it, so
 * that a restart says the same and writes nothing.
 */
import type { Diagnostic } from '../base/diagnostic.ts';
import { INCOMPATIBLE_ANNOTATION } from '../kube/labels.ts';
import { isObject, type KubeObject } from '../kube/object.ts';
import { CRD_CHANGES, type CrdChange, crdChanges } from '../playbook/crd-changes.ts';
import { changeProblem } from '../playbook/crd-places.ts';
import type { PlaybookFiles } from '../playbook/model.ts';

/** All annotations of an object may have 256 KiB together. */
const MOST_KEPT = 100;

/** The annotations to add to a definition that takes the place of `before`. */
export function memoryOf(
  before: KubeObject | undefined,
  after: KubeObject,
): Readonly<Record<string, string>> {
  const changes = before === undefined ? [] : crdChanges(before, after);
  if (changes.length === 0) return {};
  const kept = changes
    .slice(0, MOST_KEPT)
    .map(({ code, version, path, message, effect }) => ({ code, version, path, message, effect }));
  return { [INCOMPATIBLE_ANNOTATION]: JSON.stringify(kept) };
}

/** As warnings of the playbook that brings the definition; nothing where the annotation is damaged. */
export function rememberedProblems(
  annotations: Readonly<Record<string, string>> | undefined,
  crd: KubeObject,
  files: PlaybookFiles,
): readonly Diagnostic[] {
  return parseMemory(annotations?.[INCOMPATIBLE_ANNOTATION]).map((change) =>
    changeProblem(files, crd, { change, severity: 'warning' }),
  );
}

function parseMemory(text: string | undefined): readonly CrdChange[] {
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.flatMap(parseChange) : [];
  } catch {
    return [];
  }
}

function parseChange(value: unknown): readonly CrdChange[] {
  if (!isObject(value)) return [];
  const { version, path, message, effect } = value;
  const code = CRD_CHANGES.find((each) => each === value['code']);
  if (code === undefined || typeof version !== 'string' || !isTexts(path)) return [];
  return typeof message === 'string' && typeof effect === 'string'
    ? [{ code, version, path, message, effect }]
    : [];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
