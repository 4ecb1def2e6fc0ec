/** Why a pod is not ready, as its status tells it: not scheduled, an image that can't be had, a container that ends. */

import type { KubeObject } from './object.ts';
import { getPath, text } from './value.ts';

/** One sentence for each thing that is wrong; none for a pod that is merely on its way. */
export function podTrouble({ spec, status }: KubeObject): readonly string[] {
  const conditions = recordsIn(getPath(status, ['conditions']));
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.['status'] === 'False')
    return [sentence('is not scheduled', scheduled['reason'], scheduled['message'])];
  const inits = recordsIn(getPath(status, ['initContainerStatuses']));
  const containers = recordsIn(getPath(status, ['containerStatuses']));
  const told = [...inits, ...containers].flatMap(containerTrouble);
  if (told.length > 0) return told;
  const probed = new Set(
    recordsIn(getPath(spec, ['containers'])).flatMap(({ name, readinessProbe }) =>
      readinessProbe === undefined ? [] : [name],
    ),
  );
  return containers.flatMap(({ name, ready, state }) =>
    ready === false && probed.has(name) && getPath(state, ['running']) !== undefined
      ? [`container ${name} runs, and its readiness probe has not succeeded`]
      : [],
  );
}

/** What every container goes through at its start. */
const ON_ITS_WAY = new Set(['ContainerCreating', 'PodInitializing']);

function containerTrouble({
  name,
  state,
  lastState,
  restartCount,
}: Readonly<Record<string, unknown>>): readonly string[] {
  const waiting = getPath(state, ['waiting']);
  const reason = text(getPath(waiting, ['reason']));
  const ended = getPath(lastState, ['terminated']) ?? getPath(state, ['terminated']);
  const code = getPath(ended, ['exitCode']);
  const crash =
    typeof code === 'number' && (code !== 0 || Number(restartCount) > 0)
      ? [
          sentence(
            `container ${name} ended with exit code ${code}`,
            getPath(ended, ['reason']),
            getPath(ended, ['message']),
          ),
        ]
      : [];
  if (waiting === undefined || reason === undefined || ON_ITS_WAY.has(reason)) return crash;
  return [sentence(`container ${name} waits`, reason, getPath(waiting, ['message'])), ...crash];
}

function sentence(what: string, reason: unknown, message: unknown): string {
  const parts = [what, text(reason), text(message)?.replaceAll(/\s+/g, ' ').trim()];
  return parts.filter((part) => part !== undefined && part !== '').join(': ');
}

function recordsIn(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : [];
}
