/** Every watches.yaml and golden case that is shipped, as an editor reads it with the repository's own schemas. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../playbooks');
const SCHEMAS = join(import.meta.dirname, '../../schemas');

interface ShippedFile {
  readonly name: string;
  readonly path: string;
  /** With the line that names the schema before each document. */
  readonly text: string;
}

export function shippedFiles(): readonly ShippedFile[] {
  return readdirSync(ROOT).flatMap((playbook) =>
    readdirSync(join(ROOT, playbook)).flatMap((file) => {
      const schema = schemaOf(file);
      if (schema === undefined) return [];
      const path = join(ROOT, playbook, file);
      const line = `# yaml-language-server: $schema=${join(SCHEMAS, schema)}\n`;
      const text = readFileSync(path, 'utf8').replace(/^---\n/gm, `---\n${line}`);
      return [{ name: `${playbook}/${file}`, path, text: `${line}${text}` }];
    }),
  );
}

function schemaOf(file: string): string | undefined {
  if (file === 'watches.yaml') return 'watches.schema.json';
  return file.endsWith('.case.yaml') ? 'case.schema.json' : undefined;
}
