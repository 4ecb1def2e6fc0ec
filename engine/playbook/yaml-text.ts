/** Plain data as YAML that a person can read and edit: texts of several lines as blocks, no line folded. */
import { stringify } from 'yaml';
import type { Json } from '../kube/object.ts';

/** One document after the other, separated by `---`. */
export function formatYaml(documents: readonly Json[]): string {
  return documents.map((document) => stringify(document, { lineWidth: 0, version: '1.1' })).join('---\n');
}
