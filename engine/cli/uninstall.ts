/** `libretto uninstall`: takes playbooks out of a cluster. What they have made stays, and is told. */
import { EngineError } from '../base/errors.ts';
import { type ObjectRef, refOf } from '../kube/object.ts';
import { type InstalledPlaybook, installedPlaybooks } from '../operator/installed.ts';
import { overviewOf, type PlaybookOverview } from '../operator/playbook-overview.ts';
import { installedRights } from '../operator/uninstall.ts';
import { nearest } from '../playbook/suggest.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { describeShort } from './install.ts';
import { describeResources } from './list.ts';
import { LIVE_FLAGS, type LiveCluster, withCluster } from './live-cluster.ts';
import type { Terminal } from './terminal.ts';

export const uninstallCommand = defineCommand({
  name: 'uninstall',
  summary: 'take playbooks out of a cluster; their resources stay',
  usage: 'libretto uninstall NAME... --context NAME [--namespace NAME] [--with-rights] [--dry-run]',
  description: `Deletes the ConfigMaps of the playbooks with these names: their kinds are no longer worked on. Their resources with all that belongs
to them stay, and so do the definitions of their kinds; a resource that is deleted later is still cleaned up, with the rights of the
playbook. So --with-rights, which deletes those too, is refused while there are resources.`,
  flags: {
    ...LIVE_FLAGS,
    'with-rights': {
      type: 'boolean',
      default: false,
      help: "also delete the playbook's account, Roles and bindings",
    },
    'dry-run': { type: 'boolean', default: false, help: 'show what would be deleted' },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  examples: ['libretto uninstall redis --context staging'],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    await withCluster(values, terminal, async (live) => {
      const wish = { withRights: values['with-rights'], dryRun: values['dry-run'] };
      const removals: Removal[] = [];
      for (const name of new Set(args)) removals.push(await planRemoval(name, live, wish.withRights));
      for (const removal of removals) await remove(removal, { live, terminal, dryRun: wish.dryRun });
    });
    return 0;
  },
});

interface Removal {
  readonly name: string;
  readonly parts: InstalledPlaybook['parts'];
  readonly rights: readonly ObjectRef[];
  /** Undefined: the playbook itself was gone already. */
  readonly overview: PlaybookOverview | undefined;
}

async function planRemoval(name: string, live: LiveCluster, withRights: boolean): Promise<Removal> {
  const { cluster, namespace, watchNamespaces } = live;
  const all = await installedPlaybooks(cluster.client, namespace);
  const installed = all.find((one) => one.name === name);
  const rights = withRights ? await installedRights(cluster.client, name, namespace) : [];
  if (installed === undefined && rights.length === 0) {
    const near = nearest(
      name,
      all.map((one) => one.name),
    );
    throw new UsageError(
      `there is no playbook ${name} in ${namespace}`,
      near === undefined ? 'libretto list shows those that are there' : `did you mean ${near}?`,
    );
  }
  const overview =
    installed === undefined
      ? undefined
      : await overviewOf(installed, cluster, { watchNamespaces, instances: false });
  if (rights.length > 0 && overview !== undefined) refuseWhileUsed(overview);
  return { name, parts: installed?.parts ?? [], rights, overview };
}

/** Teardown of what is left needs the rights. */
function refuseWhileUsed({ name, resources }: PlaybookOverview): void {
  if (resources !== undefined && Object.values(resources).every((count) => count === 0)) return;
  const left =
    resources === undefined
      ? `it can't be told whether resources of ${name} are left`
      : `there are resources of ${name}: ${describeResources(resources)}`;
  throw new EngineError('ResourcesLeft', `${left}; nothing was deleted`, {
    hint: 'delete the resources first, or leave out --with-rights: what is deleted later is cleaned up with these rights',
  });
}

interface Input {
  readonly live: LiveCluster;
  readonly terminal: Terminal;
  readonly dryRun: boolean;
}

async function remove({ name, parts, rights, overview }: Removal, input: Input): Promise<void> {
  const { live, terminal, dryRun } = input;
  for (const ref of [...parts.map(refOf), ...rights]) {
    if (!dryRun) await live.cluster.client.delete(ref, {});
    terminal.out(`${describeShort(ref)} deleted${dryRun ? ' (dry run)' : ''}\n`);
  }
  const { resources } = overview ?? {};
  const none = resources !== undefined && Object.values(resources).every((count) => count === 0);
  const kinds = resources === undefined ? '' : `: ${describeResources(resources)}`;
  const left = none
    ? 'the definitions stay'
    : `its resources${kinds} with their objects stay, and so do the definitions`;
  terminal.out(`${name}: ${left}\n`);
}
