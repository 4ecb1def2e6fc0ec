/**
 * What must be known of a playbook's versions beside its ConfigMaps: which one all resources have, which one they had
 * before, and how far a new one has come. One ConfigMap, `NAME-rollout`, written as a whole, so that an engine that
 * starts in the middle goes on where the one before was. It goes with the playbook's own ConfigMap.
 */
import { EngineError } from '../base/errors.ts';
import { gunzipText, gzipText } from '../base/gzip.ts';
import type { ClusterClient } from '../cluster/api.ts';
import { FIELD_MANAGER } from '../kube/labels.ts';
import { describeRef, isObject, type JsonObject, type KubeObject, type ObjectRef } from '../kube/object.ts';
import type { PlaybookFiles } from '../playbook/model.ts';
import type { RunningContent } from './answer.ts';
import type { Sample } from './rollout-sample.ts';

export const ROLLOUT_LABEL = 'libretto.dev/rollout-of';

export interface Revision extends RunningContent {
  readonly files: PlaybookFiles;
}

/** `Canary`: the sample has it. `Rolling`: all get it. `Stopped`: the sample has it, and somebody must decide. */
export type Phase = 'Canary' | 'Rolling' | 'Stopped';

export interface Candidate extends RunningContent, Sample {
  readonly phase: Phase;
  /** Epoch ms. */
  readonly startedAt: number;
  /** When the others followed, epoch ms. */
  readonly rollingAt?: number;
  /** Why it has stopped. */
  readonly reason?: string;
}

export interface RolloutRecord {
  /** What the resources outside the sample have; while `Rolling` the candidate itself. */
  readonly stable: Revision;
  /** What they had before. */
  readonly previous?: Revision;
  readonly candidate?: Candidate;
}

/** The version beside which this content is at work, or would be; undefined: it is what all have. */
export function formerOf(
  { stable, previous, candidate }: RolloutRecord,
  content: string,
): Revision | undefined {
  if (stable.content !== content) return stable;
  return candidate?.phase === 'Rolling' ? previous : undefined;
}

/** What a rollback puts back; undefined: nothing is known. */
export function beforeIn({ stable, previous, candidate }: RolloutRecord): Revision | undefined {
  return candidate === undefined || candidate.phase === 'Rolling' ? previous : stable;
}

/** Of which playbook: its label's value, and the first of its ConfigMaps. */
export interface RecordOwner {
  readonly name: string;
  readonly part: KubeObject;
}

const STATE_KEY = 'rollout.json';
const MOST_BYTES = 64 * 1024 * 1024;
/** In base64. A ConfigMap's data may have 1 MiB before that; the rest is for the state, with a uid for each unhealthy resource. */
const MOST_PACKED = 1_200_000;

export async function readRecord(
  client: Pick<ClusterClient, 'get'>,
  namespace: string,
  name: string,
): Promise<RolloutRecord | undefined> {
  const found = await client.get(recordRef(namespace, name));
  return found === undefined || found.metadata.labels?.[ROLLOUT_LABEL] !== name
    ? undefined
    : parseRecord(found);
}

export function recordOf(
  client: Pick<ClusterClient, 'get'>,
  { name, part }: RecordOwner,
): Promise<RolloutRecord | undefined> {
  return readRecord(client, part.metadata.namespace ?? '', name);
}

/** Throws an EngineError where something else has the name, or the files are too large for one ConfigMap. */
export async function writeRecord(
  client: ClusterClient,
  { name, part }: RecordOwner,
  record: RolloutRecord,
): Promise<void> {
  const ref = recordRef(part.metadata.namespace ?? '', name);
  const live = await client.get(ref);
  if (live !== undefined && live.metadata.labels?.[ROLLOUT_LABEL] !== name)
    throw new EngineError(
      'ConfigMapTaken',
      `the ${describeRef(ref)} is there already, and is no record of a roll-out`,
      {
        hint: 'rename it: the engine keeps there how far a new version of the playbook has come',
      },
    );
  await client.apply(formatRecord({ name, part }, record), { fieldManager: FIELD_MANAGER, force: true });
}

function recordRef(namespace: string, name: string): ObjectRef {
  return { group: '', version: 'v1', kind: 'ConfigMap', namespace, name: `${name}-rollout` };
}

/** Without the version before where both are too large for one ConfigMap. */
export function formatRecord({ name, part }: RecordOwner, record: RolloutRecord): JsonObject {
  const { stable, candidate } = record;
  const packed = packFiles(stable.files);
  const packedBefore = record.previous === undefined ? '' : packFiles(record.previous.files);
  const previous = packed.length + packedBefore.length > MOST_PACKED ? undefined : record.previous;
  const { namespace = '', name: partName, uid } = part.metadata;
  const state = {
    stable: contentOf(stable),
    ...(previous === undefined ? {} : { previous: contentOf(previous) }),
    ...(candidate === undefined ? {} : { candidate }),
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: recordRef(namespace, name).name,
      namespace,
      labels: { [ROLLOUT_LABEL]: name },
      ownerReferences:
        uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'ConfigMap', name: partName, uid }],
    },
    data: { [STATE_KEY]: `${JSON.stringify(state, null, 2)}\n` },
    binaryData: {
      stable: packed,
      ...(previous === undefined ? {} : { previous: packedBefore }),
    },
  };
}

/** Undefined where it is damaged: then nothing is known. */
export function parseRecord(object: KubeObject): RolloutRecord | undefined {
  const { data, binaryData } = object;
  const state = parseJson(isObject(data) ? data[STATE_KEY] : undefined);
  const packed = isObject(binaryData) ? binaryData : {};
  const stable = parseRevision(state['stable'], packed['stable']);
  if (stable === undefined) return undefined;
  const previous = parseRevision(state['previous'], packed['previous']);
  const candidate = parseCandidate(state['candidate']);
  return {
    stable,
    ...(previous === undefined ? {} : { previous }),
    ...(candidate === undefined ? {} : { candidate }),
  };
}

function contentOf({ version, content }: RunningContent): RunningContent & JsonObject {
  return { version, content };
}

function parseRevision(value: unknown, packed: unknown): Revision | undefined {
  const known = parseContent(value);
  const files = unpackFiles(packed);
  return known === undefined || files === undefined ? undefined : { ...known, files };
}

function parseContent(value: unknown): RunningContent | undefined {
  const { version, content } = isObject(value) ? value : {};
  return typeof version === 'string' && typeof content === 'string' ? { version, content } : undefined;
}

function parseCandidate(value: unknown): Candidate | undefined {
  const known = parseContent(value);
  if (known === undefined || !isObject(value)) return undefined;
  const { phase, startedAt, rollingAt, reason, below, size, of, unhealthy } = value;
  const isPhase = phase === 'Canary' || phase === 'Rolling' || phase === 'Stopped';
  if (!isPhase || typeof startedAt !== 'number' || typeof below !== 'number') return undefined;
  return {
    ...known,
    phase,
    startedAt,
    below,
    size: Number(size),
    of: Number(of),
    unhealthy: Array.isArray(unhealthy) ? unhealthy.map(String) : [],
    ...(typeof rollingAt === 'number' ? { rollingAt } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
  };
}

function parseJson(text: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(text));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function packFiles(files: PlaybookFiles): string {
  return gzipText(JSON.stringify(Object.fromEntries([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)))));
}

function unpackFiles(packed: unknown): PlaybookFiles | undefined {
  if (typeof packed !== 'string') return undefined;
  const text = gunzipText(packed, MOST_BYTES);
  if (text === undefined) return undefined;
  return new Map(Object.entries(parseJson(text)).map(([name, content]) => [name, String(content)]));
}
