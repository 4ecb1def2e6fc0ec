/** `libretto package`: a playbook folder as the labelled ConfigMaps that install it. */
import { packagePlaybook } from '../operator/package.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { loadFolders, tellProblems } from './load-folders.ts';
import { checkNamespaces } from './namespace-names.ts';
import { OBJECTS_FORMAT, objectsText } from './print-objects.ts';
import { DEFAULT_NAMESPACE } from './run.ts';

/** What a ConfigMap's name and a label's value may both be. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const PLAYBOOK_NAMESPACE = {
  type: 'string',
  value: 'NAME',
  default: DEFAULT_NAMESPACE,
  help: 'where the engine looks for playbooks',
} as const;

export const packageCommand = defineCommand({
  name: 'package',
  summary: 'print the ConfigMaps that install a playbook',
  usage: 'libretto package FOLDER... [--namespace NAME] [--output json]',
  description: `Checks the given playbook folders and prints each as the labelled ConfigMaps that install it, several where one would be
too large. What has errors is not printed: exit code 1, with every problem.`,
  flags: {
    namespace: PLAYBOOK_NAMESPACE,
    output: OBJECTS_FORMAT,
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto package playbooks/memcached | kubectl apply --server-side -f -'],
  async execute({ namespace, output }, { args, terminal }): Promise<ExitCode> {
    checkNamespaces([namespace]);
    const folders = await loadFolders(args);
    if (!tellProblems(folders, terminal)) return 1;
    const items = folders.flatMap(({ result, files }) =>
      result.kind === 'refused'
        ? []
        : packagePlaybook({ name: packageName(result.playbook.name), files }, namespace),
    );
    terminal.out(objectsText(items, output));
    return 0;
  },
});

/** Throws a UsageError where it can't be one. */
export function packageName(name: string): string {
  if (NAME.test(name)) return name;
  throw new UsageError(
    `${name} can't be the name of a ConfigMap and of a label`,
    'name the folder with lower case letters, digits and -, at most 63 of them',
  );
}
