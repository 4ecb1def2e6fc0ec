/** What the world does between two steps of a golden case. */

import type { JsonObject } from '../../kube/object.ts';
import type { Watch } from '../../playbook/model.ts';
import { AnswerBook } from './answers.ts';
import type { CaseChange, RequestedRun } from './model.ts';
import type { CaseWorld } from './world.ts';

/** Every name in it that means nothing, as a sentence. */
export function applyChange(world: CaseWorld, watch: Watch, change: CaseChange): readonly string[] {
  world.now += (change.seconds ?? 0) * 1000;
  if (change.restart === true) world.restart();
  return [
    ...changeResource(world, change),
    ...changeAround(world, watch, change),
    ...makeReady(world, change.ready ?? []),
    // What is said of a child holds against what its controller reports by itself.
    ...changeChildren(world, change.children ?? {}),
    ...changeRuns(world, change.runs ?? {}),
    ...request(world, change),
  ];
}

function changeResource(
  world: CaseWorld,
  { resource, create, delete: deleted }: CaseChange,
): readonly string[] {
  if (create === true && !world.gone) return ['the resource is there already, and cannot be created'];
  if (create === true) world.recreate();
  if (world.gone) return resource === undefined && deleted === undefined ? [] : ['the resource is gone'];
  if (resource !== undefined) world.patchResource(resource);
  if (deleted === true) world.deleteResource();
  return [];
}

function changeAround(
  world: CaseWorld,
  watch: Watch,
  { observe = {}, probes = {}, answers = {} }: CaseChange,
): readonly string[] {
  world.observe(observe);
  world.actions.setProbes(probes, world.now);
  world.actions.begin(new AnswerBook(answers));
  return unknownNames(watch, { observe, probes });
}

/** Observations and probes that the playbook does not have. */
export function unknownNames(
  watch: Watch,
  { observe, probes }: { readonly observe: object; readonly probes: object },
): readonly string[] {
  const unknown = (
    given: object,
    known: readonly { readonly name: string }[],
    what: string,
  ): readonly string[] =>
    Object.keys(given)
      .filter((name) => !known.some((one) => one.name === name))
      .map((name) => `the playbook has no ${what} ${name}${hint(known)}`);
  return [...unknown(observe, watch.observe, 'observe'), ...unknown(probes, watch.probes, 'probe')];
}

function hint(known: readonly { readonly name: string }[]): string {
  return known.length === 0 ? '' : `; there are ${known.map(({ name }) => name).join(', ')}`;
}

function changeChildren(
  world: CaseWorld,
  children: Readonly<Record<string, JsonObject | null>>,
): readonly string[] {
  return Object.entries(children).flatMap(([id, patch]) => {
    const child = world.child(id);
    if (child === undefined) return [`there is no child ${id} to change`];
    if (patch === null) world.objects.remove(child);
    else world.objects.patch(child, patch);
    return [];
  });
}

/** A patch goes to the newest run of the action; null deletes all of them. */
function changeRuns(world: CaseWorld, runs: Readonly<Record<string, JsonObject | null>>): readonly string[] {
  return Object.entries(runs).flatMap(([action, patch]) => {
    const found = world.actions.runs.filter((run) => run.action === action);
    const newest = found.at(-1);
    if (newest === undefined) return [`there is no run of ${action} to change`];
    if (patch === null) for (const { object } of found) world.objects.remove(object);
    else world.objects.patch(newest.object, patch);
    return [];
  });
}

function makeReady(world: CaseWorld, ready: NonNullable<CaseChange['ready']>): readonly string[] {
  world.alwaysReady = ready === 'always';
  if (ready === 'all' || ready === 'always') {
    world.reportAll();
    return [];
  }
  return ready.flatMap((id) => {
    const object = world.actions.openJobs.find(([name]) => name === id)?.[1] ?? world.child(id);
    if (object === undefined) return [`there is no child ${id}, and no Job of a step ${id}, to become ready`];
    world.report(object);
    return [];
  });
}

function request(world: CaseWorld, { request: wanted }: CaseChange): readonly string[] {
  return requestsOf(wanted).flatMap((one) => {
    if (world.gone) return ['the resource is gone, and no action can be requested'];
    world.actions.request(one, world.resource, world.now);
    return [];
  });
}

function requestsOf(wanted: CaseChange['request']): readonly RequestedRun[] {
  if (wanted === undefined) return [];
  if (typeof wanted === 'string') return [{ action: wanted }];
  return isRequests(wanted) ? wanted : [wanted];
}

function isRequests(wanted: RequestedRun | readonly RequestedRun[]): wanted is readonly RequestedRun[] {
  return Array.isArray(wanted);
}
