/** Custom resources in a file that is named on the command line. */
import { readFile } from 'node:fs/promises';
import { formatDiagnostic } from '../base/diagnostic.ts';
import type { Json, KubeObject } from '../kube/object.ts';
import { getPath, text } from '../kube/value.ts';
import { parseYaml } from '../playbook/yaml.ts';
import { UsageError } from './command.ts';
import { fileProblem } from './file-problem.ts';

/** Every document of the file; throws a UsageError where one is no object of Kubernetes. */
export async function readResources(file: string): Promise<readonly KubeObject[]> {
  const source = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileProblem(file, error);
  });
  const parsed = parseYaml({ file, text: source });
  if (parsed.kind === 'refused') throw new UsageError(parsed.problems.map(formatDiagnostic).join('\n'));
  const found = parsed.documents.map(({ value }) => resourceOf(file, value));
  if (found.length === 0) throw new UsageError(`${file} holds no resource`);
  return found;
}

function resourceOf(file: string, value: Json): KubeObject {
  const parts = [['apiVersion'], ['kind'], ['metadata', 'name']];
  const missing = parts.filter((path) => text(getPath(value, path)) === undefined);
  if (missing.length === 0) return value as unknown as KubeObject; // as: it has kind and name, which is what makes one
  const names = missing.map((path) => path.join('.')).join(', ');
  throw new UsageError(`${file} is no resource: it has no ${names}`);
}
