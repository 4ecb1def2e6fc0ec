/**
 * A playbook folder as the labelled ConfigMaps that install it: what `assembleParts` puts together again. Several of
 * them where one would be too large for the API server, each telling how many there are and which version they belong
 * to, so that the engine takes them when they are complete and agree.
 */
import { PLAYBOOK_LABEL } from '../kube/labels.ts';
import type { JsonObject } from '../kube/object.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import { PARTS_ANNOTATION, VERSION_ANNOTATION } from './configmap-parts.ts';

/** A ConfigMap's data may have 1 MiB (ValidateConfigMap in the API server's validation); the rest is for its keys. */
const PART_BYTES = 1_000_000;

export interface PackagedPlaybook {
  /** Also the name of the first ConfigMap. */
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
}

export function packagePlaybook({ name, files }: PackagedPlaybook, namespace: string): readonly JsonObject[] {
  const parts = split(files);
  // Also on one part alone, over what an earlier, larger package may have left on it.
  const annotations = {
    [PARTS_ANNOTATION]: String(parts.length),
    [VERSION_ANNOTATION]: contentHashOf(files).slice(0, 12),
  };
  return parts.map((data, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: index === 0 ? name : `${name}-${index + 1}`,
      namespace,
      labels: { [PLAYBOOK_LABEL]: name },
      annotations,
    },
    data,
  }));
}

/** In the order of the files; a file is never divided. */
function split(files: ReadonlyMap<string, string>): readonly Record<string, string>[] {
  const parts: Record<string, string>[] = [{}];
  let bytes = 0;
  for (const [name, text] of files) {
    const size = Buffer.byteLength(text) + name.length;
    if (bytes > 0 && bytes + size > PART_BYTES) {
      parts.push({});
      bytes = 0;
    }
    const part = parts.at(-1);
    if (part !== undefined) part[name] = text;
    bytes += size;
  }
  return parts;
}
