/**
 * Names of what actions make: deterministic, so that making it twice is impossible and what a crash left is found again.
 */
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../kube/canonical.ts';
import type { Json } from '../../kube/object.ts';
import type { Run, StepRecord } from './run.ts';

const LONGEST = 63;
const HASH_LENGTH = 10;

/** A DNS label: readable parts, cut to fit, and the hash of what the name stands for. */
export function hashedName(parts: readonly string[], of: readonly Json[]): string {
  const hash = sha256(of.map(canonicalJson).join('\n')).slice(0, HASH_LENGTH);
  const room = Math.floor((LONGEST - HASH_LENGTH) / parts.length) - 1;
  const readable = parts.map((part) => dnsPart(part).slice(0, room).replace(/-+$/, ''));
  return [...readable.filter((part) => part !== ''), hash].join('-');
}

/** `finalSnapshot` → `final-snapshot`. */
function dnsPart(text: string): string {
  const kebab = text.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  return kebab.replace(/[^a-z0-9]+/g, '-').replace(/^-+/, '');
}

/** `attempt`, and under forEach `attempt.item`. */
export function attemptMark({ attempt, items, item }: StepRecord): string {
  return items === undefined ? String(attempt) : `${attempt}.${item ?? 0}`;
}

/** The key of an attempt's effect. */
export function effectKey(run: Pick<Run, 'uid'>, record: StepRecord): string {
  return `${run.uid}/${stepKey(record)}/${attemptMark(record)}`;
}

/** A rollback step may have the name of another. */
export function stepKey({ name, rollback }: Pick<StepRecord, 'name' | 'rollback'>): string {
  return rollback ? `rollback/${name}` : name;
}

/** The value of the label that names a step: a rollback step may have the name of another. */
export function stepLabel(record: Pick<StepRecord, 'name' | 'rollback'>): string {
  const name = record.rollback ? `rollback.${record.name}` : record.name;
  return name.length <= LONGEST ? name : hashedName([name], [name]);
}

export function workName(run: Pick<Run, 'uid' | 'action'>, record: StepRecord): string {
  return hashedName([run.action, record.name], [run.uid, stepKey(record), attemptMark(record)]);
}

export function childRunName(run: Pick<Run, 'uid'>, record: StepRecord, action: string): string {
  return hashedName([action, record.name], [run.uid, stepKey(record), attemptMark(record), action]);
}
