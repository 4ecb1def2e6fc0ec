/**
 * What the engine answers on the ConfigMaps of a playbook: which content it has looked at, whether it runs, and which one
 * runs. Whoever installs a playbook waits for the answer that names its content. Pure.
 */
import { isObject, type KubeObject } from '../kube/object.ts';

export const ANSWER_ANNOTATION = 'libretto.dev/state';

/** A version of a playbook, and the hash of its files (Playbook.contentHash). */
export interface RunningContent {
  readonly version: string;
  readonly content: string;
}

const STATES = ['Running', 'Refused', 'RollingOut', 'Stopped'] as const;

export type AnswerState = (typeof STATES)[number];

export interface Answer {
  /** `RollingOut`: a sample of the resources has it, or all are getting it. `Stopped`: the sample has it, and a person must decide. */
  readonly state: AnswerState;
  /** The hash of the files that were looked at. */
  readonly content: string;
  /** The same content where it is `Running`; else the one that goes on, if any. */
  readonly running?: RunningContent;
}

/** The same answer is the same text. */
export function formatAnswer({ state, content, running }: Answer): string {
  const { version, content: ran } = running ?? {};
  return JSON.stringify({
    state,
    content,
    ...(running === undefined ? {} : { running: { version, content: ran } }),
  });
}

/** Undefined where no engine has answered, or something else has written there. */
export function readAnswer({ metadata }: KubeObject): Answer | undefined {
  const value = parse(metadata.annotations?.[ANSWER_ANNOTATION]);
  if (!isObject(value)) return undefined;
  const { content, running } = value;
  const state = STATES.find((known) => known === value['state']);
  if (state === undefined || typeof content !== 'string') return undefined;
  const ran = isObject(running) ? running : {};
  const { version, content: contentRan } = ran;
  if (typeof version !== 'string' || typeof contentRan !== 'string') return { state, content };
  return { state, content, running: { version, content: contentRan } };
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
