/** Where playbooks come from, as data: what a source found under one name, complete or with problems. */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { KubeObject } from '../kube/object.ts';
import type { PlaybookFiles } from '../playbook/model.ts';

export type Origin =
  /** Labelled ConfigMaps, the parts of one playbook in order of their names. */
  | { readonly kind: 'configMaps'; readonly parts: readonly KubeObject[] }
  | { readonly kind: 'folder'; readonly path: string };

/** One playbook as it stands in its source. */
export interface PlaybookSource {
  /** Unique among all sources: `memcached`, or `namespace/memcached` outside the engine's own namespace. */
  readonly id: string;
  /** The playbook's name unless its files say otherwise. */
  readonly name: string;
  readonly origin: Origin;
  /** Epoch ms; of two playbooks that claim the same kind the older one has it. */
  readonly createdAt: number;
  readonly files: PlaybookFiles;
  /** What is wrong before any file is read: a part that is missing, a file given twice, content that is no text. */
  readonly problems: readonly Diagnostic[];
}

export interface SourceEvents {
  changed(source: PlaybookSource): void;
  removed(id: string): void;
}

/** Watches a place for playbooks and reports each change. */
export interface Sources {
  /** Resolves when everything that was there at start has been reported. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** The namespace that a playbook comes from; a folder is the engine's own. */
export function homeOf({ origin }: PlaybookSource, engineNamespace: string): string {
  const part = origin.kind === 'configMaps' ? origin.parts[0] : undefined;
  return part?.metadata.namespace ?? engineNamespace;
}

/** `ConfigMap libretto-system/memcached`, `folder ./playbooks/memcached`. */
export function describeOrigin(origin: Origin): string {
  if (origin.kind === 'folder') return `folder ${origin.path}`;
  return origin.parts.map((p) => `ConfigMap ${p.metadata.namespace ?? ''}/${p.metadata.name}`).join(', ');
}

/** A problem of a source as a whole: it has no line. */
export function sourceProblem(code: string, file: string, message: string, hint: string): Diagnostic {
  return { code, severity: 'error', file, line: 1, column: 1, message, hint };
}
