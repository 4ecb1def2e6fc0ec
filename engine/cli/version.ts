/** `libretto version`, and the version for everybody else. */
import manifest from '../../package.json' with { type: 'json' };
import { defineCommand } from './command.ts';

export const VERSION: string = manifest.version;

export const versionCommand = defineCommand({
  name: 'version',
  summary: 'print the version',
  usage: 'libretto version',
  description: 'Prints the version of this engine.',
  flags: {},
  async execute(_values, { terminal }) {
    terminal.out(`libretto ${VERSION}\n`);
    return 0;
  },
});
