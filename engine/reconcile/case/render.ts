/**
 * What would be applied for one resource, without a cluster: the planner works in the world of a golden case until
 * nothing is left to do, and the last body of each object is shown with the template that it comes from.
 */
import type { JsonObject, KubeObject, ObjectRef } from '../../kube/object.ts';
import { refKey } from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import type { Playbook, TracedValue, Watch } from '../../playbook/model.ts';
import type { Change, Outcome } from '../model.ts';
import { AnswerBook } from './answers.ts';
import { withDefaults } from './read.ts';
import { settle, watchOf, worldOf } from './run.ts';

export interface RenderedObject {
  readonly ref: ObjectRef;
  readonly body: JsonObject;
  /** The manifest's template; undefined for what a run makes. */
  readonly file?: string;
  /** By JSON pointer into the body. */
  readonly places: ReadonlyMap<string, TracedValue>;
}

export interface RenderedResource {
  /** In the order in which they are created. */
  readonly objects: readonly RenderedObject[];
  /** Actions that begin at once. */
  readonly starts: readonly string[];
  readonly outcome: Outcome;
  readonly status: unknown;
}

export interface RenderInput {
  readonly playbook: Playbook;
  readonly schema: SchemaLookup;
  /** Epoch ms. */
  readonly now: number;
  /** Children become ready as soon as they are there. */
  readonly ready: boolean;
}

/** Undefined: the playbook watches no such kind. */
export async function renderResource(
  resource: KubeObject,
  { playbook, schema, now, ready }: RenderInput,
): Promise<RenderedResource | undefined> {
  const watch = watchOf(resource, playbook);
  if (watch === undefined) return undefined;
  const traces = new Map<string, TracedDocument>();
  const given = { resource: withDefaults(resource, schema), now, ...NOTHING, file: '', name: '' };
  const world = worldOf(given, { playbook, schema });
  world.actions.begin(new AnswerBook());
  world.alwaysReady = ready;
  const { plans } = await settle(world, traced(watch, traces));
  const changes = plans.flatMap((plan) => plan.changes);
  const starts = world.actions.runs.filter(({ parent }) => parent === undefined).map(({ action }) => action);
  const outcome = plans.at(-1)?.outcome ?? { kind: 'done' };
  return { objects: objectsOf(changes, traces), starts, outcome, status: world.resource.status };
}

const NOTHING = { observe: {}, probes: {}, objects: [], steps: [] } as const;

interface TracedDocument {
  readonly file: string;
  readonly places: ReadonlyMap<string, TracedValue>;
}

/** The watch with templates that note where their values stand, by kind and name of what they yield. */
function traced(watch: Watch, traces: Map<string, TracedDocument>): Watch {
  const manifests = watch.manifests.map((manifest) => {
    const { template } = manifest;
    const render: typeof template.render = (context, options) => {
      const rendering = template.render(context, options);
      const trees = rendering.kind === 'objects' ? rendering.documents.map(({ tree }) => tree) : [];
      const { places } = template.trace(context, options);
      for (const [index, tree] of trees.entries())
        traces.set(nameOf(tree), { file: template.file, places: places[index] ?? new Map() });
      return rendering;
    };
    return { ...manifest, template: { ...template, render } };
  });
  return { ...watch, manifests };
}

function nameOf({ kind, metadata }: JsonObject): string {
  return `${String(kind)}/${String(Object(metadata).name)}`;
}

function objectsOf(
  changes: readonly Change[],
  traces: ReadonlyMap<string, TracedDocument>,
): readonly RenderedObject[] {
  const found = new Map<string, RenderedObject>();
  for (const change of changes) {
    if (change.kind === 'delete') found.delete(refKey(change.ref));
    if (change.kind !== 'create' && change.kind !== 'apply') continue;
    const { ref, body } = change;
    const trace = traces.get(`${ref.kind}/${ref.name}`);
    found.set(refKey(ref), {
      ref,
      body,
      places: trace?.places ?? new Map(),
      ...(trace === undefined ? {} : { file: trace.file }),
    });
  }
  return [...found.values()];
}
