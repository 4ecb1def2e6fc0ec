/** Waits until the engine has answered on the ConfigMaps of a playbook that it has looked at this very content. */
import type { Cluster } from '../cluster/api.ts';
import { PLAYBOOK_LABEL } from '../kube/labels.ts';
import type { KubeObject } from '../kube/object.ts';
import { ANSWER_ANNOTATION, type Answer, readAnswer } from './answer.ts';
import { CONFIG_MAP } from './installed.ts';
import { PROBLEMS_ANNOTATION } from './report.ts';

export interface AwaitedContent {
  readonly namespace: string;
  readonly name: string;
  readonly content: string;
  /** An answer that was there before, and may be given anew by now. */
  readonly stale?: string | undefined;
  /** Waits also while a new version goes out gradually. */
  readonly toTheEnd?: boolean;
}

export interface Told {
  readonly answer: Answer;
  /** One a line, errors and warnings. */
  readonly problems: readonly string[];
}

/** Undefined where `signal` aborts before. */
export async function awaitAnswer(
  cluster: Cluster,
  wanted: AwaitedContent,
  signal: AbortSignal,
): Promise<Told | undefined> {
  const { namespace, name } = wanted;
  const cache = cluster.cache({ gvk: CONFIG_MAP, namespace, labelSelector: `${PLAYBOOK_LABEL}=${name}` });
  const end = Promise.withResolvers<Told | undefined>();
  const look = (): void => {
    const told = cache.synced ? answerOn(cache.list(namespace), wanted) : undefined;
    const goesOn = wanted.toTheEnd === true && told?.answer.state === 'RollingOut';
    if (told !== undefined && !goesOn) end.resolve(told);
  };
  const stop = (): void => end.resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    cache.subscribe(look);
    look();
    if (signal.aborted) stop();
    return await end.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    cache.release();
  }
}

/** What all parts say of this content; undefined while one of them says nothing, or something else. */
export function answerOn(
  parts: readonly KubeObject[],
  { content, stale }: Pick<AwaitedContent, 'content' | 'stale'>,
): Told | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const texts = new Set(parts.map(({ metadata }) => metadata.annotations?.[ANSWER_ANNOTATION]));
  const answer = readAnswer(first);
  if (texts.size !== 1 || answer?.content !== content || texts.has(stale ?? '')) return undefined;
  return { answer, problems: problemsOn(first) };
}

/** As the engine has written them. */
export function problemsOn({ metadata }: KubeObject): readonly string[] {
  const text = metadata.annotations?.[PROBLEMS_ANNOTATION] ?? '';
  return text === '' ? [] : text.split('\n');
}
