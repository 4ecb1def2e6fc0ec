/** A folder for one test file, and the small programs that tests put into it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

export interface Temporary {
  readonly path: string;
  /** Writes a file, with its folders; returns its path. */
  write(name: string, text: string): string;
  /** Writes a shell script that can be run; returns its path. */
  script(name: string, text: string): string;
}

export function temporaryFolder(): Temporary {
  const path = mkdtempSync(join(tmpdir(), 'embedded-test-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  return {
    path,
    write,
    script(name, text) {
      const file = write(name, `#!/bin/sh\n${text}\n`);
      chmodSync(file, 0o755);
      return file;
    },
  };
}
