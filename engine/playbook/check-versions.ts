/**
 * API versions that Kubernetes deprecates or has taken away, wherever a playbook names a kind: in templates, in `observe`,
 * in steps. The facts are those of Kubernetes' Deprecated API Migration Guide (schemas/deprecated-apis.json).
 */
import table from '../../schemas/deprecated-apis.json' with { type: 'json' };
import type { Place } from '../base/diagnostic.ts';
import { apiVersionOf, type GroupVersionKind } from '../kube/object.ts';
import type { Step } from './action-model.ts';
import type { KindCatalogue } from './kind-catalogue.ts';
import type { Template } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Watch } from './model.ts';

interface NamedKind {
  readonly gvk: GroupVersionKind;
  readonly place: Place;
}

export interface VersionCheck {
  readonly catalogue: KindCatalogue;
  readonly problems: Problems;
  /** `requires.kubernetes`: versions that it leaves out do not matter. */
  readonly range: string | undefined;
  /** Where all kinds of a group are known: the versions in which it has a kind; undefined for other groups. */
  readonly versions: ((group: string, kind: string) => readonly string[] | undefined) | undefined;
  /** For a kind that is not served: what was most likely meant. */
  readonly meant: ((gvk: GroupVersionKind) => string | undefined) | undefined;
}

export function checkVersions(
  watches: readonly Pick<Watch, 'manifests' | 'observe' | 'actions'>[],
  check: VersionCheck,
): void {
  for (const { gvk, place } of watches.flatMap(kindsIn)) {
    if (check.catalogue.ownKind(gvk) !== undefined) continue;
    if (!warnDeprecated(gvk, place, check)) warnUnserved(gvk, place, check);
  }
}

function kindsIn({
  manifests,
  observe,
  actions,
}: Pick<Watch, 'manifests' | 'observe' | 'actions'>): readonly NamedKind[] {
  return [
    ...manifests.map(({ gvk, template, document, place }) => ({
      gvk,
      place: template.documents[document]?.place ?? place,
    })),
    ...observe,
    ...actions.flatMap(({ steps, rollback }) => [...steps, ...rollback].flatMap(kindsOfStep)),
  ];
}

function kindsOfStep(step: Step): readonly NamedKind[] {
  switch (step.kind) {
    case 'delete':
      return [{ gvk: step.target.gvk, place: step.place }];
    case 'job':
    case 'apply':
      return documentsOf(step.template);
    default:
      return [];
  }
}

function documentsOf({ documents }: Template): readonly NamedKind[] {
  return documents.map(({ group, version, kind, place }) => ({ gvk: { group, version, kind }, place }));
}

/** True where the table has the kind in this version. */
function warnDeprecated(gvk: GroupVersionKind, place: Place, { range, problems }: VersionCheck): boolean {
  const found = table.apis.find(
    ({ group, version, kinds }) => group === gvk.group && version === gvk.version && kinds.includes(gvk.kind),
  );
  if (found === undefined) return false;
  const { removed, deprecated, replacement, since } = found;
  const from = removed ?? deprecated ?? '';
  if (range !== undefined && leavesOut(range, from)) return true;
  const name = `${apiVersionOf(gvk)} ${gvk.kind}`;
  const message =
    removed === undefined
      ? `Kubernetes deprecates ${name} as of ${deprecated}`
      : `Kubernetes no longer serves ${name} as of ${removed}`;
  const hint =
    replacement === undefined
      ? 'do without it: nothing takes its place'
      : `write ${replacement}, there since ${since}`;
  problems.warn('ApiDeprecated', place, { message, hint });
  return true;
}

/** Kinds and versions that Kubernetes no longer has, or never had. */
function warnUnserved(
  gvk: GroupVersionKind,
  place: Place,
  { versions, meant, problems }: VersionCheck,
): void {
  const known = versions?.(gvk.group, gvk.kind);
  if (known === undefined || known.includes(gvk.version)) return;
  const message = `Kubernetes serves no ${gvk.kind} as ${apiVersionOf(gvk)}`;
  const hint =
    known.length === 0
      ? (meant?.(gvk) ?? 'check the kind and its apiVersion')
      : `write apiVersion: ${known.map((version) => apiVersionOf({ ...gvk, version })).join(' or ')}`;
  problems.warn('KindUnserved', place, { message, hint });
}

/** True where the range ends before the given version, such as `1.25`. */
function leavesOut(range: string, version: string): boolean {
  return [...range.matchAll(/(<=?|(?<![<>])=)\s*v?(\d+)\.(\d+)/g)].some(([, operator, major, minor]) => {
    const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
    const order = Number(major) - wantedMajor || Number(minor) - wantedMinor;
    return operator === '<' ? order <= 0 : order < 0;
  });
}
