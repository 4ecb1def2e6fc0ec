/** How an installed playbook stands, from what its ConfigMaps and the cluster say. Reads only. */
import type { Cluster } from '../cluster/api.ts';
import { servedKind } from '../controller/views.ts';
import { conditionOf } from '../kube/conditions.ts';
import { groupKind, type KubeObject } from '../kube/object.ts';
import { matchesSelector } from '../kube/selectors.ts';
import { getPath } from '../kube/value.ts';
import { contentHashOf } from '../playbook/load-files.ts';
import type { Playbook, Watch } from '../playbook/model.ts';
import { VERSION_FIELD } from '../reconcile/status.ts';
import { type AnswerState, readAnswer } from './answer.ts';
import { problemsOn } from './await-answer.ts';
import type { InstalledPlaybook } from './installed.ts';
import { loadSource } from './load-source.ts';

export interface PlaybookOverview {
  readonly name: string;
  /** The version that runs; undefined: none does, or no engine has said so. */
  readonly version: string | undefined;
  /** The version that a sample of the resources has, or that all are getting. */
  readonly next?: string;
  /** Hash of the files as they stand there; undefined where parts are missing. */
  readonly content: string | undefined;
  /** `Pending`: no engine has answered on this content yet. */
  readonly state: AnswerState | 'Pending' | 'Incomplete';
  /** By kind; undefined where the playbook can't be read, so that its kinds are not known. */
  readonly resources: Readonly<Record<string, number>> | undefined;
  /** One a line, as the engine has written them. */
  readonly problems: readonly string[];
  /** Where they were asked for. */
  readonly instances?: readonly InstanceOverview[];
}

export interface InstanceOverview {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Version of the playbook that its status is of; undefined where its schema has no such field. */
  readonly version: string | undefined;
  /** Status of its condition Ready. */
  readonly ready: string;
}

export interface OverviewOptions {
  /** Undefined: all. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly instances: boolean;
}

export async function overviewOf(
  installed: InstalledPlaybook,
  cluster: Cluster,
  options: OverviewOptions,
): Promise<PlaybookOverview> {
  const { name, parts, assembly } = installed;
  const playbook = await playbookOf(installed, cluster);
  const found = playbook === undefined ? undefined : await findResources(playbook, cluster, options);
  const resources =
    found === undefined
      ? undefined
      : Object.fromEntries([...found].map(([kind, all]) => [kind, all.length] as const));
  const [first] = parts;
  const answer = first === undefined ? undefined : readAnswer(first);
  const version = answer?.running?.version;
  const problems = first === undefined ? [] : problemsOn(first);
  const instances = options.instances
    ? { instances: [...(found?.values() ?? [])].flat().map(instanceOf) }
    : {};
  const common = { name, version, resources, problems, ...instances };
  if (assembly.kind === 'incomplete') return { ...common, content: undefined, state: 'Incomplete' };
  const content = contentHashOf(assembly.files);
  const state = answer?.content === content ? answer.state : 'Pending';
  const goesOut = (state === 'RollingOut' || state === 'Stopped') && playbook !== undefined;
  return { ...common, content, state, ...(goesOut ? { next: playbook.version } : {}) };
}

/** Undefined where it has errors, or waits for a part. */
async function playbookOf(
  { name, parts, assembly }: InstalledPlaybook,
  { discovery }: Cluster,
): Promise<Playbook | undefined> {
  if (assembly.kind === 'incomplete') return undefined;
  const { files, problems } = assembly;
  const source = {
    id: name,
    name,
    origin: { kind: 'configMaps' as const, parts },
    createdAt: 0,
    files,
    problems,
  };
  const result = await loadSource(source, discovery);
  return result.kind === 'loaded' ? result.playbook : undefined;
}

function instanceOf(resource: KubeObject): InstanceOverview {
  const { namespace, name } = resource.metadata;
  const version = getPath(resource.status, [VERSION_FIELD]);
  return {
    kind: resource.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    version: typeof version === 'string' ? version : undefined,
    ready: conditionOf(resource, 'Ready')?.status ?? 'Unknown',
  };
}

/** A kind with several watches is there once. */
async function findResources(
  { watches }: Playbook,
  cluster: Cluster,
  { watchNamespaces }: OverviewOptions,
): Promise<ReadonlyMap<string, readonly KubeObject[]>> {
  const found = new Map<string, readonly KubeObject[]>();
  for (const [kind, same] of Map.groupBy(watches, ({ gvk }) => groupKind(gvk))) {
    const [first] = same;
    const all = first === undefined ? [] : await listKind(first, cluster, watchNamespaces);
    const selected = all.filter((resource) => same.some((watch) => selects(watch, resource)));
    found.set(kind, selected);
  }
  return found;
}

function selects({ selector }: Watch, { metadata }: KubeObject): boolean {
  return selector === undefined || matchesSelector(selector, metadata.labels);
}

async function listKind(
  { gvk }: Watch,
  { client, discovery }: Cluster,
  watchNamespaces: readonly string[] | undefined,
): Promise<readonly KubeObject[]> {
  const kind = servedKind(discovery, gvk);
  if (kind === undefined) return [];
  const places = kind.namespaced ? watchNamespaces?.map((namespace) => ({ namespace })) : undefined;
  return (await Promise.all((places ?? [{}]).map((place) => client.list(kind.gvk, place)))).flat();
}
