/** A folder as a layer: the same files make the same bytes, whoever builds it, when and where. */
import { runCommand } from '../../engine/embedded/command.ts';
import { machineEnvironment } from '../../engine/embedded/node-machine.ts';

/** Everything belongs to root, nobody else may write, and what is a program for its owner is one for all. */
const FIXED = [
  ...['--format=gnu', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'],
  '--mode=u=rwX,go=rX',
];

export async function packLayer(folder: string, file: string): Promise<void> {
  await run('tar', [...FIXED, '-C', folder, '-cf', file, '.']);
}

/** Runs a program of this machine to its end; answers with what it wrote, throws with it where that failed. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const command = { program, args, environment: { ...machineEnvironment(), LC_ALL: 'C' } };
  const { code, output } = await runCommand(cwd === undefined ? command : { ...command, cwd });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${output.trim().slice(-2_000)}`);
  return output;
}
