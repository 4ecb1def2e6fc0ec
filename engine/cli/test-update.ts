/** Golden cases that say what is: expectations in a case file are changed to what its cases came to. */
import { writeFile } from 'node:fs/promises';
import type { SchemaLookup } from '../kube/schema.ts';
import type { Playbook } from '../playbook/model.ts';
import { editYaml, type YamlEdit } from '../playbook/yaml-edit.ts';
import { readCases } from '../reconcile/case/read.ts';
import { runCase } from '../reconcile/case/run.ts';

export interface UpdateInput {
  /** Where the file is, to be written. */
  readonly path: string;
  readonly file: string;
  readonly text: string;
  readonly playbook: Playbook;
  readonly schema: SchemaLookup;
}

/** The text as it is now; the same where nothing had to change, or the cases cannot be read. */
export async function updateCases({ path, file, text, playbook, schema }: UpdateInput): Promise<string> {
  const reading = readCases(file, text, schema);
  if (reading.kind === 'refused') return text;
  const edits: YamlEdit[] = [];
  for (const [document, given] of reading.cases.entries()) {
    const update = (step: number, found: readonly Omit<YamlEdit, 'document'>[]): void => {
      const prefix = given.listed ? ['steps', step, 'expect'] : ['expect'];
      for (const { path: at, value } of found) edits.push({ document, path: [...prefix, ...at], value });
    };
    await runCase(given, { playbook, schema, update });
  }
  if (edits.length === 0) return text;
  const edited = editYaml(text, edits).text;
  if (edited !== text) await writeFile(path, edited);
  return edited;
}
