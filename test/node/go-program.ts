/** Programs that the tests run, built from the Go modules in ./go, whose `go.sum` pins every byte; then cached. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../engine/base/hash.ts';
import { runCommand } from '../../engine/embedded/command.ts';
import { cacheFolder } from '../../engine/embedded/locate.ts';
import { machineEnvironment } from '../../engine/embedded/node-machine.ts';

/** `name` is that of the folder in ./go. Answers with the program's path. */
export async function ensureGoProgram(name: string, goPackage: string): Promise<string> {
  const module = join(import.meta.dirname, 'go', name);
  const recipe = sha256(readFileSync(join(module, 'go.sum'), 'utf8')).slice(0, 12);
  const program = join(cacheFolder(machineEnvironment()), `${name}-${recipe}`);
  if (existsSync(program)) return program;
  await mkdir(cacheFolder(machineEnvironment()), { recursive: true });
  const built = `${program}-${process.pid}`;
  const environment = { ...machineEnvironment(), CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', built, goPackage];
  const { code, output } = await runCommand({ program: 'go', args, cwd: module, environment });
  if (code !== 0) throw new Error(`go build of ${name} failed: ${output.slice(-2_000)}`);
  await rename(built, program);
  return program;
}
