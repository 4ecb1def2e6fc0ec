/**
 * Long effects of action steps and probes: what should be running now, as data. Level-triggered: the runner starts
 * what a plan lists and nobody runs yet, and ends what no plan lists any more. An outcome comes back in the snapshot,
 * under the effect's key, until no plan lists the key; it is lost in a crash, and then the attempt is repeated
 * (at least once, and honest about it).
 */
import type { JsonObject } from '../kube/object.ts';

interface EffectBase {
  /** Run uid, step, attempt and item; another attempt is another key. */
  readonly key: string;
  readonly timeoutMs: number;
}

export type Effect = EffectBase & (EffectCall | KeepCall);

/** What runs under the key goes on and its outcome is kept, but nothing is started: the call cannot be told now. */
export interface KeepCall {
  readonly kind: 'keep';
}

export type EffectCall =
  | {
      readonly kind: 'exec';
      readonly namespace: string;
      readonly pod: string;
      /** Undefined: the pod's default container (annotation, else the first). */
      readonly container?: string;
      readonly command: readonly string[];
      readonly stdin?: string;
    }
  | {
      readonly kind: 'http';
      readonly method: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly ca?: string;
    };

export type EffectOutcome =
  | {
      readonly kind: 'exec';
      readonly exitCode: number;
      /** At most 64 KiB each; `truncated` says whether there was more. */
      readonly stdout: string;
      readonly stderr: string;
      readonly truncated: boolean;
      readonly finishedAt: number;
    }
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly headers: JsonObject;
      readonly body: string;
      readonly truncated: boolean;
      readonly finishedAt: number;
    }
  /** The call could not be made or did not end in time: `TimedOut`, `PodNotFound`, `PodNotRunning`, `Unreachable`, `Cancelled`. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly message: string;
      readonly finishedAt: number;
    };
