/**
 * ActionRuns by the resource they work on, and what runs have made (Jobs, Pods, Secrets) by their run: found without
 * looking through a namespace. Kept by events; holds references to stored objects and copies nothing.
 */
import { RUN_UID_LABEL } from '../kube/labels.ts';
import { type GroupVersionKind, groupKind, isObject, type KubeObject } from '../kube/object.ts';

/** The resource that a run names; its namespace is the run's own. */
export interface RunTarget {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export function targetOf(run: KubeObject): RunTarget | undefined {
  const { spec, metadata } = run;
  const resource = isObject(spec) && isObject(spec['resource']) ? spec['resource'] : {};
  const { apiVersion, kind, name } = resource;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string')
    return undefined;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return { group, kind, namespace: metadata.namespace ?? '', name };
}

/** Those of one kind, as `namespace/name`, without the namespace where the kind has none. */
export function keysOfTargets(
  targets: readonly RunTarget[],
  gvk: Pick<GroupVersionKind, 'group' | 'kind'>,
  namespaced: boolean,
): readonly string[] {
  return targets
    .filter((target) => groupKind(target) === groupKind(gvk))
    .map(({ namespace, name }) => `${namespaced ? namespace : ''}/${name}`);
}

interface Change {
  /** Undefined: the object is new. */
  readonly before: KubeObject | undefined;
  /** Undefined: the object is gone. */
  readonly after: KubeObject | undefined;
}

type Named = Map<string, KubeObject>;

export class RunIndex {
  private readonly runs = new Map<string, Named>();
  private readonly work = new Map<string, Named>();
  private readonly targets = new Map<string, RunTarget>();

  /** Takes a change of a run in; the resources that it concerns. */
  takeRun({ before, after }: Change): readonly RunTarget[] {
    const concerned = new Map<string, RunTarget>();
    for (const [run, present] of [[before, false] as const, [after, true] as const]) {
      const target = run === undefined ? undefined : targetOf(run);
      if (run === undefined || target === undefined) continue;
      concerned.set(keyOf(target), target);
      change(this.runs, keyOf(target), { object: run, present });
      this.know(run.metadata.uid, present ? target : undefined);
    }
    return [...concerned.values()];
  }

  /** Takes a change of something that a run made in; the resources that it concerns. */
  takeWork({ before, after }: Change): readonly RunTarget[] {
    const concerned = new Map<string, RunTarget>();
    for (const [object, present] of [[before, false] as const, [after, true] as const]) {
      const uid = object?.metadata.labels?.[RUN_UID_LABEL];
      if (object === undefined || uid === undefined) continue;
      change(this.work, uid, { object, present });
      const target = this.targets.get(uid);
      if (target !== undefined) concerned.set(keyOf(target), target);
    }
    return [...concerned.values()];
  }

  runsOf(target: RunTarget): readonly KubeObject[] {
    return [...(this.runs.get(keyOf(target))?.values() ?? [])];
  }

  workOf(target: RunTarget): readonly KubeObject[] {
    return this.runsOf(target).flatMap(({ metadata }) => [
      ...(this.work.get(metadata.uid ?? '')?.values() ?? []),
    ]);
  }

  private know(uid: string | undefined, target: RunTarget | undefined): void {
    if (uid === undefined) return;
    if (target === undefined) this.targets.delete(uid);
    else this.targets.set(uid, target);
  }
}

function change(
  groups: Map<string, Named>,
  group: string,
  { object, present }: { readonly object: KubeObject; readonly present: boolean },
): void {
  const named = groups.get(group) ?? new Map<string, KubeObject>();
  const id = `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  if (present) named.set(id, object);
  else named.delete(id);
  if (named.size > 0) groups.set(group, named);
  else groups.delete(group);
}

function keyOf({ group, kind, namespace, name }: RunTarget): string {
  return `${kind}.${group}/${namespace}/${name}`;
}
