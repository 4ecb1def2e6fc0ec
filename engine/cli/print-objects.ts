/** Objects to apply, as commands print them. */
import type { JsonObject } from '../kube/object.ts';
import { formatYaml } from '../playbook/yaml-text.ts';

export const OBJECTS_FORMAT = {
  type: 'string',
  value: 'FORMAT',
  default: 'yaml',
  choices: ['yaml', 'json'],
  help: 'how to print them',
} as const;

/** In JSON one List. */
export function objectsText(items: readonly JsonObject[], format: string): string {
  const list = { apiVersion: 'v1', kind: 'List', items };
  return format === 'json' ? `${JSON.stringify(list, null, 2)}\n` : formatYaml(items);
}
