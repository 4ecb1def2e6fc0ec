/**
 * Installs a playbook: its rights, the definitions that the engine may not install, and its ConfigMaps, in this order.
 * A plan is made first, by trying everything on the server without keeping it; only then anything is written.
 */
import { EngineError } from '../base/errors.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { isForbidden } from '../cluster/errors.ts';
import { FIELD_MANAGER, HASH_ANNOTATION, PLAYBOOK_LABEL } from '../kube/labels.ts';
import {
  describeRef,
  isObject,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refOf,
} from '../kube/object.ts';
import type { Playbook, PlaybookFiles } from '../playbook/model.ts';
import { ANSWER_ANNOTATION, readAnswer } from './answer.ts';
import { sendObject, type TriedObject, tryObject } from './apply-objects.ts';
import { crdRefusal, stamped } from './crd-install.ts';
import { memoryOf } from './crd-memory.ts';
import { installedPlaybooks } from './installed.ts';
import { packagePlaybook } from './package.ts';
import { ENGINE_ACCOUNT } from './rbac.ts';

/** Who the command line is towards server-side apply. */
export const INSTALLER = 'libretto-cli';

export interface InstallWish {
  readonly playbook: Playbook;
  readonly files: PlaybookFiles;
  readonly namespace: string;
  readonly rights: readonly JsonObject[];
  /** `auto`: those that the engine's account may not install. */
  readonly crds: 'auto' | 'always' | 'never';
}

export interface InstallPlan {
  /** Of the playbook, and the label's value. */
  readonly name: string;
  readonly namespace: string;
  /** Hash of the files. */
  readonly content: string;
  readonly objects: readonly TriedObject[];
  /** ConfigMaps of an earlier installation that this one has no use for. */
  readonly surplus: readonly KubeObject[];
  /** A refusal of the same content, given before what this installation changes beside it. */
  readonly stale: string | undefined;
}

export interface Step {
  readonly ref: ObjectRef;
  readonly outcome: TriedObject['outcome'] | 'deleted';
}

/** Nothing is written. Throws where anything would be refused. */
export async function planInstall(client: ClusterClient, wish: InstallWish): Promise<InstallPlan> {
  const { playbook, files, namespace } = wish;
  const { name, contentHash: content } = playbook;
  const beside = [...(await tryRights(client, wish)), ...(await tryCrds(client, wish))];
  const plan = await planParts(client, { name, content, files, namespace });
  const before = plan.objects[0]?.live;
  const refused =
    before !== undefined && readAnswer(before)?.state === 'Refused'
      ? before.metadata.annotations?.[ANSWER_ANNOTATION]
      : undefined;
  const stale = beside.some(({ outcome }) => outcome !== 'unchanged') ? refused : undefined;
  return { ...plan, objects: [...beside, ...plan.objects], stale };
}

/** Its ConfigMaps alone. */
export async function planParts(
  client: ClusterClient,
  wish: Pick<InstallPlan, 'name' | 'namespace' | 'content'> & { readonly files: PlaybookFiles },
): Promise<InstallPlan> {
  const { name, namespace, content, files } = wish;
  const parts: TriedObject[] = [];
  for (const body of packagePlaybook({ name, files }, namespace)) {
    const part = await tryObject(client, { body, fieldManager: INSTALLER, force: true, exactData: true });
    refuseForeign(part, name);
    parts.push(part);
  }
  const [installed] = await installedPlaybooks(client, namespace, name);
  const wanted = new Set(parts.map(({ ref }) => ref.name));
  const surplus = (installed?.parts ?? []).filter(({ metadata }) => !wanted.has(metadata.name));
  return { name, namespace, content, objects: parts, surplus, stale: undefined };
}

/** Tells each object as it is written. */
export async function carryOut(
  client: ClusterClient,
  { objects, surplus }: InstallPlan,
  tell: (step: Step) => void,
): Promise<void> {
  for (const object of objects) {
    await sendObject(client, object);
    tell(object);
  }
  for (const part of surplus) {
    const { uid } = part.metadata;
    await client.delete(refOf(part), uid === undefined ? {} : { uid });
    tell({ ref: refOf(part), outcome: 'deleted' });
  }
}

/** What `carryOut` would tell. */
export function stepsOf({ objects, surplus }: InstallPlan): readonly Step[] {
  return [...objects, ...surplus.map((part): Step => ({ ref: refOf(part), outcome: 'deleted' }))];
}

async function tryRights(client: ClusterClient, { rights }: InstallWish): Promise<readonly TriedObject[]> {
  const tried: TriedObject[] = [];
  for (const body of rights)
    tried.push(await tryObject(client, { body, fieldManager: INSTALLER, force: true, exactData: false }));
  return tried;
}

/** A ConfigMap of that name that is something else is not overwritten. */
function refuseForeign({ live, ref }: TriedObject, name: string): void {
  if (live === undefined || live.metadata.labels?.[PLAYBOOK_LABEL] === name) return;
  throw new EngineError(
    'ConfigMapTaken',
    `the ${describeRef(ref)} is there already, and is no part of the playbook ${name}`,
    { hint: `give the playbook another metadata.name, or the ConfigMap the label ${PLAYBOOK_LABEL}=${name}` },
  );
}

/** As the engine itself would install them, so that either may do it the next time. */
async function tryCrds(client: ClusterClient, wish: InstallWish): Promise<readonly TriedObject[]> {
  const { playbook, crds, namespace } = wish;
  if (crds === 'never' || playbook.crds.length === 0) return [];
  if (crds === 'auto' && (await engineMayInstall(client, namespace))) return [];
  const tried: TriedObject[] = [];
  for (const crd of playbook.crds) tried.push(...(await tryCrd(client, crd)));
  return tried;
}

async function tryCrd(client: ClusterClient, crd: KubeObject): Promise<readonly TriedObject[]> {
  const live = await client.get(refOf(crd));
  const { tree: body, hash } = stamped(crd, memoryOf(live, crd));
  if (live?.metadata.annotations?.[HASH_ANNOTATION] === hash) return [];
  try {
    const wanted = { body, fieldManager: FIELD_MANAGER, force: false, exactData: false };
    return [await tryObject(client, wanted)];
  } catch (error) {
    // The engine's words for a denial would name the engine.
    const problem = isForbidden(error) ? undefined : crdRefusal(crd, error);
    if (problem === undefined) throw error;
    throw new EngineError(problem.code, problem.message, { hint: problem.hint ?? '' });
  }
}

/** Whoever may not ask leaves the definitions to the engine. */
async function engineMayInstall(client: ClusterClient, namespace: string): Promise<boolean> {
  const user = `system:serviceaccount:${namespace}:${ENGINE_ACCOUNT}`;
  const resource = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', verb: 'patch' };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, groups: groupsOf(namespace), resourceAttributes: resource },
  };
  try {
    const answer = await client.raw('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
    return isObject(answer) && isObject(answer['status']) && answer['status']['allowed'] === true;
  } catch (error) {
    if (isForbidden(error)) return true;
    throw error;
  }
}

/** Of a ServiceAccount, as the API server gives them to it. */
function groupsOf(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
}
