/**
 * JSON out of texts that a Job, a command or a server wrote: whole numbers beyond 2^53 stay exact, as texts where the
 * API server could not hold them.
 */
import { textBeyondInt64 } from '../../kube/integers.ts';
import type { Json } from '../../kube/object.ts';
import { jsonFrom } from '../../playbook/template/values.ts';

/** Undefined where the text is no JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return textBeyondInt64(jsonFrom(text));
  } catch {
    return undefined;
  }
}
