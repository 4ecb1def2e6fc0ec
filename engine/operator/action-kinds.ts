/**
 * Installs what actions need in the cluster: the ActionRun definition, and the policy that lets only those request a
 * run who have the verb `run-<action>` on its resource (docs/adr/0110). Both are read from schemas/, their one source.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatDiagnostic } from '../base/diagnostic.ts';
import { EngineError, errorMessage } from '../base/errors.ts';
import { insist } from '../base/insist.ts';
import type { Logger } from '../base/logger.ts';
import { isForbidden, isInvalid, isKindNotServed } from '../cluster/errors.ts';
import { isKubeObject } from '../cluster/parse.ts';
import type { KubeObject } from '../kube/object.ts';
import { parseYaml } from '../playbook/yaml.ts';
import { applyStamped, type CrdInstallOptions, installCrds } from './crd-install.ts';

const SCHEMAS = join(import.meta.dirname, '../../schemas');

export type ActionKindsOptions = CrdInstallOptions & { readonly logger: Logger };

/**
 * Resolves when runs are served, or can't be (which the log tells), or `signal` aborts. What needs no person is tried
 * again. Costs reads alone where everything is installed.
 */
export async function installActionKinds(options: ActionKindsOptions): Promise<void> {
  const { clock, logger, signal } = options;
  const message = 'what actions need could not be installed, trying again';
  await insist({ clock, logger, message, signal }, async () => {
    const crds = readObjects('actionrun.crd.yaml');
    const told = await installCrds({ crds, files: new Map() }, options);
    const problems = told.filter(({ severity }) => severity === 'error');
    for (const problem of problems) logger.error(formatDiagnostic(problem));
    if (problems.length === 0) await installPolicy(options);
  });
}

/** Without the policy, whoever may create ActionRuns may run every action: that is said, loudly. */
async function installPolicy(options: ActionKindsOptions): Promise<void> {
  try {
    for (const object of readObjects('actionrun-policy.yaml')) await applyStamped(object, options);
  } catch (error) {
    if (!isForbidden(error) && !isInvalid(error) && !isKindNotServed(error)) throw error;
    options.logger.error(
      'requests of actions are not checked for the verb run-<action>: the policy could not be installed',
      {
        error: errorMessage(error),
        hint: 'apply schemas/actionrun-policy.yaml (Kubernetes 1.30 or later), or let only trusted users create ActionRuns',
      },
    );
  }
}

function readObjects(file: string): readonly KubeObject[] {
  const parsed = parseYaml({ file, text: readFileSync(join(SCHEMAS, file), 'utf8') });
  const objects = parsed.documents.map(({ value }): unknown => value).filter(isKubeObject);
  if (parsed.kind === 'refused' || objects.length < parsed.documents.length)
    throw new EngineError('InstallationIncomplete', `schemas/${file} of this installation can't be read`, {
      hint: 'install Libretto anew',
    });
  return objects;
}
