/**
 * What can be told of a manifest before it has values: its literal apiVersion and kind, and fields that belong to the
 * API server or to the engine.
 */
import type { YamlEntry, YamlMap, YamlNode } from '../yaml-node.ts';
import { holdsMarker } from './emission.ts';

export interface ManifestProblem {
  readonly code: string;
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

export type CheckedManifest =
  | {
      readonly kind: 'manifest';
      readonly apiVersion: string;
      readonly kindName: string;
      readonly kindOffset: number;
    }
  | { readonly kind: 'problems'; readonly problems: readonly ManifestProblem[] };

export function checkManifest(root: YamlNode): CheckedManifest {
  if (root.kind !== 'map') {
    const message = 'a document must be an object with apiVersion, kind and metadata';
    return {
      kind: 'problems',
      problems: [problem('TemplateNoObject', root.offset, message, 'write key: value lines')],
    };
  }
  const apiVersion = literalField(root, 'apiVersion');
  const kind = literalField(root, 'kind');
  const problems = [apiVersion, kind].flatMap((field) => (field.kind === 'problem' ? [field.problem] : []));
  problems.push(...reservedFields(root));
  if (problems.length > 0 || apiVersion.kind === 'problem' || kind.kind === 'problem')
    return { kind: 'problems', problems };
  return { kind: 'manifest', apiVersion: apiVersion.text, kindName: kind.text, kindOffset: kind.offset };
}

function problem(code: string, offset: number, message: string, hint: string): ManifestProblem {
  return { code, offset, message, hint };
}

type LiteralField =
  | { readonly kind: 'text'; readonly text: string; readonly offset: number }
  | { readonly kind: 'problem'; readonly problem: ManifestProblem };

/** The engine must know which kinds a playbook manages before it has any value. */
function literalField(root: YamlMap, name: 'apiVersion' | 'kind'): LiteralField {
  const entry = find(root, name);
  const value = entry?.value;
  const offset = entry?.key.offset ?? root.offset;
  if (value?.kind !== 'scalar' || typeof value.value !== 'string' || value.value === '') {
    const message = `a document must say its ${name}`;
    return {
      kind: 'problem',
      problem: problem('TemplateKind', offset, message, 'for example apiVersion: v1, kind: Service'),
    };
  }
  const wrong = holdsMarker(value.value) ? 'be literal' : shapeOf(name, value.value);
  if (wrong === undefined) return { kind: 'text', text: value.value, offset };
  const hint = 'for several kinds write several manifests with when';
  return { kind: 'problem', problem: problem('TemplateKind', value.offset, `${name} must ${wrong}`, hint) };
}

function shapeOf(name: 'apiVersion' | 'kind', text: string): string | undefined {
  if (name === 'kind') return /^[A-Za-z][A-Za-z0-9]*$/.test(text) ? undefined : 'be one word';
  return /^([a-z0-9.-]+\/)?[a-z0-9]+$/.test(text) ? undefined : 'have the form group/version, or version';
}

function find(map: YamlMap, name: string): YamlEntry | undefined {
  return map.entries.find(({ key }) => key.value === name);
}

const RESERVED = ['ownerReferences', 'finalizers', 'uid', 'resourceVersion', 'managedFields'];

function reservedFields(root: YamlMap): readonly ManifestProblem[] {
  const metadata = find(root, 'metadata')?.value;
  if (metadata?.kind !== 'map') return [];
  const fields = metadata.entries.filter(({ key }) => RESERVED.includes(key.value));
  const keys = ['labels', 'annotations'].flatMap((name) => ownKeys(find(metadata, name)?.value));
  return [...fields, ...keys].map(({ key }) => {
    const message = `${key.value} is written by the API server or by the engine, never by a template`;
    return problem('TemplateReservedField', key.offset, message, 'remove it');
  });
}

function ownKeys(map: YamlNode | undefined): readonly YamlEntry[] {
  if (map?.kind !== 'map') return [];
  return map.entries.filter(({ key }) => /^([a-z0-9-]+\.)*libretto\.dev\//.test(key.value));
}

/** Where the API takes texts alone: labels and annotations of any metadata, and label selectors. */
export function wantsStrings(path: readonly string[]): 'value' | 'map' | 'no' {
  if (isTextMap(path)) return 'map';
  return isTextMap(path.slice(0, -1)) ? 'value' : 'no';
}

function isTextMap(path: readonly string[]): boolean {
  const last = path.at(-1);
  if (last === 'matchLabels') return true;
  return (last === 'labels' || last === 'annotations') && path.at(-2) === 'metadata';
}
