/** `libretto rollback`: puts the version back that a playbook's resources had before. */
import { EngineError } from '../base/errors.ts';
import { planParts } from '../operator/install.ts';
import { beforeIn, type Revision, type RolloutRecord, readRecord } from '../operator/rollout-record.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import { CLUSTER_FLAGS } from './choose-cluster.ts';
import { defineCommand, type ExitCode } from './command.ts';
import type { Flags } from './flags.ts';
import { carryOutAll } from './install.ts';
import { withCluster } from './live-cluster.ts';
import { PLAYBOOK_NAMESPACE } from './package.ts';
import { WAIT_FLAGS } from './wait-for-engine.ts';

const FLAGS = {
  ...CLUSTER_FLAGS,
  namespace: PLAYBOOK_NAMESPACE,
  'dry-run': { type: 'boolean', default: false, help: 'let the server check everything, and write nothing' },
  ...WAIT_FLAGS,
} as const satisfies Flags;

export const rollbackCommand = defineCommand({
  name: 'rollback',
  summary: 'take a new version of a playbook back',
  usage: 'libretto rollback NAME --context NAME [--namespace NAME] [--dry-run] [--no-wait]',
  description: `Writes the files of the version before into the playbook's ConfigMaps: while a new version goes out, the one that the other
resources have; after that, the one that all of them had. It reaches all resources at once. The engine keeps the version before for
playbooks with rollout in their watches.yaml. Definitions stay as they are, and so does what actions have done.`,
  flags: FLAGS,
  args: { min: 1, max: 1 },
  examples: ['libretto rollback redis --context staging'],
  async execute(values, { args: [name = ''], terminal }): Promise<ExitCode> {
    return await withCluster({ ...values, 'watch-namespaces': [] }, terminal, async (live) => {
      const { client } = live.cluster;
      const { namespace } = live;
      const { version, files } = before(name, await readRecord(client, namespace, name));
      terminal.out(`${name}: back to version ${version}\n`);
      const plan = await planParts(client, { name, content: contentHashOf(files), files, namespace });
      return await carryOutAll([plan], { live, values, terminal });
    });
  },
});

function before(name: string, record: RolloutRecord | undefined): Revision {
  const revision = record && beforeIn(record);
  if (revision !== undefined) return revision;
  throw new EngineError('NothingToTakeBack', `no version of ${name} before the one that runs is known`, {
    hint: 'install its folder as it was: libretto install FOLDER; versions are kept of playbooks with rollout in watches.yaml',
  });
}
