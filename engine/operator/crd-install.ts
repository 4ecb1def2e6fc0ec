/**
 * Installs and updates a playbook's CustomResourceDefinitions by server-side apply, and waits until the API server
 * serves them. A definition that is there unchanged costs one read and no write. None is ever deleted: its objects
 * would go with it. What a change makes incompatible is installed all the same, and warned of.
 */
import { type Clock, pause } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { errorMessage } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Cluster, Discovery } from '../cluster/api.ts';
import { fieldConflicts, isForbidden, isInvalid } from '../cluster/errors.ts';
import { canonicalJson } from '../kube/canonical.ts';
import { FIELD_MANAGER, HASH_ANNOTATION } from '../kube/labels.ts';
import { type GroupVersionKind, isObject, type JsonObject, type KubeObject, refOf } from '../kube/object.ts';
import type { PlaybookFiles } from '../playbook/model.ts';
import { memoryOf, rememberedProblems } from './crd-memory.ts';
import type { MayWrite } from './leadership.ts';
import { sourceProblem } from './source.ts';
import { findOrLead } from './standby.ts';

export interface CrdInstallOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly mayWrite: MayWrite;
  readonly signal: AbortSignal;
}

const CRD = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };

export interface Definitions {
  readonly crds: readonly KubeObject[];
  /** Of the playbook that brings them, where incompatible changes are told. */
  readonly files: PlaybookFiles;
}

/**
 * All definitions, one after the other; the problems that a person must solve, and as warnings what became incompatible.
 * Transient errors are thrown. Returns only when each definition is served, or refused.
 */
export async function installCrds(
  { crds, files }: Definitions,
  options: CrdInstallOptions,
): Promise<readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  for (const crd of crds) problems.push(...(await installCrd(crd, files, options)));
  const { discovery } = options.cluster;
  if (crds.some((crd) => servedVersions(crd).some((gvk) => discovery.resource(gvk) === undefined)))
    await discovery.refresh();
  return problems;
}

/** What the cluster does not serve, for a playbook whose definitions somebody else installs. */
export function missingCrds(crds: readonly KubeObject[], discovery: Discovery): readonly Diagnostic[] {
  const missing = crds.filter((crd) => servedVersions(crd).some((gvk) => !discovery.resource(gvk)));
  return missing.map(({ metadata: { name } }) =>
    sourceProblem(
      'CrdNotInstalled',
      'crd.yaml',
      `${name} is not installed, and for playbooks of this namespace the engine installs no definitions`,
      'let somebody who may apply crd.yaml; then the playbook begins by itself',
    ),
  );
}

function servedVersions({ spec }: KubeObject): readonly GroupVersionKind[] {
  if (!isObject(spec) || !isObject(spec['names']) || !Array.isArray(spec['versions'])) return [];
  const { group, names } = spec;
  const kind = names['kind'];
  if (typeof group !== 'string' || typeof kind !== 'string') return [];
  return spec['versions']
    .filter(isObject)
    .flatMap(({ name, served }) => (served === true ? [{ group, version: String(name), kind }] : []));
}

async function installCrd(
  crd: KubeObject,
  files: PlaybookFiles,
  options: CrdInstallOptions,
): Promise<readonly Diagnostic[]> {
  let installed: KubeObject | undefined;
  try {
    installed = await applyStamped(crd, options, (before) => memoryOf(before, crd));
    if (installed === undefined) return [];
  } catch (error) {
    const problem = crdRefusal(crd, error);
    if (problem === undefined) throw error;
    return [problem];
  }
  const refused = await waitUntilServed(crd.metadata.name, options);
  return [...refused, ...rememberedProblems(installed.metadata.annotations, crd, files)];
}

type Annotations = Readonly<Record<string, string>>;

/**
 * Applies an object of the installation, unless it is there unchanged; as it is then. `notes`: annotations beside, from
 * what it takes the place of. Undefined: told to stop before that.
 */
export async function applyStamped(
  object: KubeObject,
  options: CrdInstallOptions,
  notes: (before: KubeObject | undefined) => Annotations = () => ({}),
): Promise<KubeObject | undefined> {
  const { client } = options.cluster;
  const { hash } = stamped(object);
  let before: KubeObject | undefined;
  const found = await findOrLead(options, async () => {
    before = await client.get(refOf(object));
    return before?.metadata.annotations?.[HASH_ANNOTATION] === hash ? before : undefined;
  });
  if (found.kind === 'found') return found.value;
  if (found.kind === 'stopped') return undefined;
  const { tree } = stamped(object, notes(before));
  return await client.apply(tree, { fieldManager: FIELD_MANAGER, force: false });
}

/** With the hash of what is applied, by which an installation that is up to date is known. `notes` do not count. */
export function stamped(crd: KubeObject, notes: Annotations = {}): { tree: JsonObject; hash: string } {
  const { status: _status, ...rest } = crd;
  const json = rest as JsonObject; // as: a loaded definition came out of YAML, so all of it is JSON
  const hash = sha256(canonicalJson(json));
  const annotations = { ...crd.metadata.annotations, ...notes, [HASH_ANNOTATION]: hash };
  return {
    tree: { ...json, metadata: { name: crd.metadata.name, labels: { ...crd.metadata.labels }, annotations } },
    hash,
  };
}

/** What a person can do about it; undefined where it is no problem of the definition. */
export function crdRefusal(crd: KubeObject, error: unknown): Diagnostic | undefined {
  const { name } = crd.metadata;
  const conflicts = fieldConflicts(error);
  if (conflicts.length > 0) {
    const others = [...new Set(conflicts.map((c) => c.manager))].join(', ');
    const message = `the definition ${name} is also managed by ${others}, who set ${conflicts.map((c) => c.field).join(', ')} differently`;
    return sourceProblem(
      'CrdConflict',
      'crd.yaml',
      message,
      'let one of the two manage it: `kubectl apply --server-side --force-conflicts --field-manager=libretto -f crd.yaml`, or run the engine with --install-crds=false',
    );
  }
  if (isForbidden(error)) {
    return sourceProblem(
      'CrdForbidden',
      'crd.yaml',
      `the engine may not install ${name}: ${errorMessage(error)}`,
      'give its ServiceAccount the right, or install crd.yaml yourself and run the engine with --install-crds=false',
    );
  }
  if (isInvalid(error))
    return sourceProblem(
      'CrdRefused',
      'crd.yaml',
      `the API server refuses ${name}: ${errorMessage(error)}`,
      'correct the definition',
    );
  return undefined;
}

/** The definition's conditions, as a watch shows them. */
async function waitUntilServed(name: string, options: CrdInstallOptions): Promise<readonly Diagnostic[]> {
  const cache = options.cluster.cache({ gvk: CRD, fieldSelector: `metadata.name=${name}` });
  const served = Promise.withResolvers<readonly Diagnostic[]>();
  const look = (): void => {
    const conditions = conditionsOf(cache.get(undefined, name));
    const refused = conditions.find((c) => c['type'] === 'NamesAccepted' && c['status'] === 'False');
    if (conditions.some((c) => c['type'] === 'Established' && c['status'] === 'True')) served.resolve([]);
    else if (refused !== undefined)
      served.resolve([
        sourceProblem(
          'CrdRefused',
          'crd.yaml',
          `the names of ${name} are taken: ${String(refused['message'])}`,
          'choose other names, or remove the other definition',
        ),
      ]);
  };
  try {
    cache.subscribe(look);
    look();
    return await Promise.race([served.promise, aborted(options)]);
  } finally {
    cache.release();
  }
}

async function aborted(options: CrdInstallOptions): Promise<readonly Diagnostic[]> {
  while (!options.signal.aborted) await pause(options.clock, 60_000, options.signal);
  return [];
}

function conditionsOf(crd: KubeObject | undefined): readonly Record<string, unknown>[] {
  const status = isObject(crd?.status) ? crd.status : {};
  return Array.isArray(status['conditions']) ? status['conditions'].filter(isObject) : [];
}
