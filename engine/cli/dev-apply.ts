/** The resources that `libretto dev` applies: from a file, at start and after each save of it. */
import { readFile } from 'node:fs/promises';
import type { Cluster } from '../cluster/api.ts';
import { applyText } from './up-samples.ts';

export interface AppliedFile {
  /** Applies the file where it has changed, or could not be applied before and `occasion` is a new one. */
  look(occasion: string): Promise<void>;
}

interface Options {
  readonly cluster: Cluster;
  readonly file: string;
  readonly namespace: string;
  /** What could not be applied, and why; empty: all is as the file says. */
  readonly told: (problems: readonly string[]) => void;
}

export function createAppliedFile({ cluster, file, namespace, told }: Options): AppliedFile {
  let done: string | undefined;
  let tried: string | undefined;
  return {
    async look(occasion) {
      const text = await readFile(file, 'utf8').catch(() => undefined); // amid a save: there soon
      if (text === undefined) return;
      const trial = JSON.stringify([occasion, text]);
      if (text === done || trial === tried) return;
      tried = trial;
      const results = await applyText(cluster, { file, text, namespace });
      const failed = results.filter(({ kind }) => kind === 'failed');
      if (failed.length === 0) done = text;
      told(
        results.flatMap((result) => {
          if (result.kind === 'applied') return [];
          const how = result.kind === 'failed' ? 'could not be applied' : 'is left to you';
          return [`${file}: ${result.what} ${how}: ${result.why}`];
        }),
      );
    },
  };
}
