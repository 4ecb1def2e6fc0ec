/** What `libretto dev` knows at a moment: data alone, from which both the screen and the lines are made. */
import { type Diagnostic, hasErrors, sortDiagnostics } from '../base/diagnostic.ts';
import type { ToldChange } from '../operator/told-change.ts';
import type { Row } from './up-table.ts';

/** The playbook's files as they stood at one time; saves are counted from 1, the start's. */
export interface Save {
  readonly hash: string;
  /** `12:04:05` */
  readonly at: string;
  /** Those that differ from the save before. */
  readonly files: readonly string[];
}

/** What needs no cluster: the static checks and the golden cases of one save. */
export interface Checked {
  readonly save: number;
  readonly problems: readonly Diagnostic[];
  /** Undefined: the playbook does not load. */
  readonly cases: CaseTally | undefined;
}

export interface CaseTally {
  readonly passed: number;
  readonly failed: readonly FailedCase[];
}

export interface FailedCase {
  readonly name: string;
  readonly problems: readonly Diagnostic[];
}

/** What the engine made of the files with this hash. */
export interface Decided {
  readonly hash: string;
  readonly problems: readonly Diagnostic[];
  /** The hash of what runs. */
  readonly running: string | undefined;
}

export interface SavedChange extends ToldChange {
  readonly save: number;
  readonly at: string;
}

export interface DevState {
  readonly playbook: string;
  /** Which cluster, and how it is with it. */
  readonly cluster: string;
  readonly saves: readonly Save[];
  /** The folder is a playbook no longer. */
  readonly gone: boolean;
  readonly checked: Checked | undefined;
  readonly decided: Decided | undefined;
  readonly rows: readonly Row[];
  /** The newest last. */
  readonly changes: readonly SavedChange[];
  /** What else has gone wrong. */
  readonly troubles: readonly string[];
}

const MOST_CHANGES = 200;

export function withChange(state: DevState, change: ToldChange, at: string): DevState {
  const save = saveOf(state, change.playbook.contentHash) ?? state.saves.length;
  return { ...state, changes: [...state.changes, { ...change, save, at }].slice(-MOST_CHANGES) };
}

/** The number of the newest save with these contents. */
export function saveOf({ saves }: DevState, hash: string | undefined): number | undefined {
  const index = saves.findLastIndex((save) => save.hash === hash);
  return index < 0 ? undefined : index + 1;
}

/** The engine has decided on the newest save. */
export function isDecided({ saves, decided }: DevState): boolean {
  return decided !== undefined && decided.hash === saves.at(-1)?.hash;
}

/** Of the newest save, from the static checks and from the engine, which knows the cluster. */
export function problemsNow(state: DevState): readonly Diagnostic[] {
  const { checked, decided, saves, gone } = state;
  if (gone) return [];
  const offline = checked?.save === saves.length ? checked.problems : [];
  if (decided === undefined || !isDecided(state)) return sortDiagnostics(offline);
  // The cluster knows kinds that could not be checked without it.
  const known = offline.filter(({ code }) => code !== 'PathsNotChecked');
  return sortDiagnostics([...known, ...decided.problems]);
}

/** `save 3 (deployment.yaml.hbs) is refused, save 2 goes on` */
export function standing(state: DevState): string {
  const { saves, decided, gone } = state;
  const last = saves.at(-1);
  if (gone) return 'watches.yaml is gone: the playbook does not run';
  if (last === undefined) return 'the playbook is being read';
  const running = saveOf(state, decided?.running);
  const name = `save ${saves.length} (${filesOf(last)})`;
  if (!isDecided(state))
    return `${name} is being loaded${running === undefined || running === saves.length ? '' : `, save ${running} runs`}`;
  if (running === saves.length && !hasErrors(decided?.problems ?? [])) return `${name} runs`;
  return `${name} is refused, ${running === undefined ? 'nothing runs' : `save ${running} goes on`}`;
}

const MOST_FILES = 3;

function filesOf({ files }: Save): string {
  if (files.length === 0) return 'as before';
  return files.length > MOST_FILES ? `${files.length} files` : files.join(', ');
}
