/** `libretto list`: the playbooks of a cluster and how they stand. Reads only. */
import { installedPlaybooks } from '../operator/installed.ts';
import { overviewOf, type PlaybookOverview } from '../operator/playbook-overview.ts';
import { defineCommand, type ExitCode } from './command.ts';
import { checkNamespace, LIVE_FLAGS, withCluster } from './live-cluster.ts';

export const listCommand = defineCommand({
  name: 'list',
  summary: 'show the playbooks of a cluster and how they stand',
  usage: 'libretto list --context NAME [--namespace NAME] [--resources] [--output json]',
  description: `Shows for each playbook in the ConfigMaps of the engine's namespace: the version that runs, the hash of its files, whether the
engine runs exactly these (Running), refuses them (Refused; the version that ran before goes on), has not looked at them yet (Pending),
or waits for a ConfigMap (Incomplete), how many resources of its kinds there are, and its problems. Reads only.`,
  flags: {
    ...LIVE_FLAGS,
    resources: {
      type: 'boolean',
      default: false,
      help: 'also each resource, with the version of the playbook that its status is of',
    },
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'text',
      choices: ['text', 'json'],
      help: 'how to print it',
    },
  },
  examples: ['libretto list --context staging'],
  async execute(values, { terminal }): Promise<ExitCode> {
    const found = await withCluster(values, terminal, async (live) => {
      const { cluster, namespace, watchNamespaces } = live;
      const installed = await installedPlaybooks(cluster.client, namespace);
      if (installed.length === 0) await checkNamespace(live);
      return await Promise.all(
        installed.map((one) => overviewOf(one, cluster, { watchNamespaces, instances: values.resources })),
      );
    });
    if (values.output === 'json') terminal.out(`${JSON.stringify(found, null, 2)}\n`);
    else if (found.length === 0) terminal.out(`there is no playbook in ${values.namespace}\n`);
    else terminal.out(`${table(overviews(found))}${resources(found)}${problems(found)}`);
    return 0;
  },
});

const CONTENT_LENGTH = 12;

function overviews(found: readonly PlaybookOverview[]): readonly (readonly string[])[] {
  const rows = found.map(
    ({ name, version = '-', next, content, state, resources: counts, problems: all }) => [
      name,
      next === undefined ? version : `${version} → ${next}`,
      content?.slice(0, CONTENT_LENGTH) ?? '-',
      state,
      describeResources(counts),
      String(all.length),
    ],
  );
  return [['NAME', 'VERSION', 'CONTENT', 'STATE', 'RESOURCES', 'PROBLEMS'], ...rows];
}

function resources(found: readonly PlaybookOverview[]): string {
  const rows = found.flatMap(({ name: playbook, instances = [] }) =>
    instances.map(({ kind, namespace, name, version, ready }) => [
      playbook,
      kind,
      namespace === undefined ? name : `${namespace}/${name}`,
      version ?? '-',
      ready,
    ]),
  );
  return rows.length === 0 ? '' : `\n${table([['PLAYBOOK', 'KIND', 'NAME', 'VERSION', 'READY'], ...rows])}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** `3 Redis, 1 RedisBackup` */
export function describeResources(counts: PlaybookOverview['resources']): string {
  if (counts === undefined) return '-';
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind.split('.')[0]}`)
    .join(', ');
}

function problems(found: readonly PlaybookOverview[]): string {
  const lines = found.flatMap(({ name, problems: all }) => all.map((problem) => `${name}/${problem}\n`));
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}
