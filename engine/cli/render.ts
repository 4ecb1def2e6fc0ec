/** `libretto render`: what would be applied for a resource, without a cluster, and where each value comes from. */
import { dirname, relative } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import { groupKind, gvkOf, type JsonObject, type KubeObject } from '../kube/object.ts';
import { asJson, isJsonObject, omit } from '../kube/value.ts';
import { ownSchemas } from '../operator/own-schemas.ts';
import type { Playbook } from '../playbook/model.ts';
import { formatYamlWith } from '../playbook/yaml-text.ts';
import { type RenderedObject, type RenderedResource, renderResource } from '../reconcile/case/render.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { highlightYaml } from './highlight.ts';
import { type LoadedFolder, loadFolders, tellProblems } from './load-folders.ts';
import { OBJECTS_FORMAT } from './print-objects.ts';
import { readResources } from './resource-file.ts';
import type { Terminal } from './terminal.ts';

export const renderCommand = defineCommand({
  name: 'render',
  summary: 'show what would be applied for a resource',
  usage: 'libretto render FILE [--playbook FOLDER] [--explain] [--ready] [--output json]',
  description: `Prints the objects that the engine would apply for each custom resource in FILE, as YAML, without a cluster. --explain
adds, behind each value, the line of the template that it comes from. Without a cluster nothing becomes ready: what waits for
that is told on standard error; --ready takes every object as ready as soon as it is there.`,
  flags: {
    playbook: {
      type: 'list',
      value: 'FOLDER',
      help: "the playbook's folder; default: the folder of FILE",
    },
    explain: { type: 'boolean', default: false, help: 'tell the place of each value in its template' },
    marks: {
      type: 'boolean',
      default: false,
      help: "show the engine's own labels, annotations and ownerReferences too",
    },
    ready: { type: 'boolean', default: false, help: 'take every object as ready once it is there' },
    output: OBJECTS_FORMAT,
  },
  args: { min: 1, max: 1 },
  examples: [
    'libretto render playbooks/memcached/sample.yaml',
    'libretto render orders.yaml --playbook playbooks/sampledb --explain',
  ],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const [file = ''] = args;
    const resources = await readResources(file);
    const folders = await loadFolders(values.playbook.length > 0 ? values.playbook : [dirname(file)]);
    if (!tellProblems(folders, terminal)) return 1;
    const found: Found[] = [];
    for (const resource of resources)
      found.push(await renderOne(resource, folders, { ready: values.ready, clock: systemClock() }));
    for (const one of found) tellNotes(one, terminal);
    const shown = values.marks ? found : found.map(withoutMarks);
    const { explain, output } = values;
    terminal.out(output === 'json' ? asJsonText(shown, explain) : asYaml(shown, explain, terminal));
    return found.some(({ rendered }) => rendered.outcome.kind === 'terminal') ? 1 : 0;
  },
});

/** By these the engine knows its own; they say nothing of the playbook. */
function withoutMarks(found: Found): Found {
  const objects = found.rendered.objects.map((object) => ({ ...object, body: unmarked(object.body) }));
  return { ...found, rendered: { ...found.rendered, objects } };
}

function unmarked(body: JsonObject): JsonObject {
  const metadata = isJsonObject(body.metadata) ? omit(body.metadata, 'ownerReferences') : {};
  const named = ['labels', 'annotations'].flatMap((name) => {
    const map = metadata[name];
    const entries = isJsonObject(map) ? Object.entries(map).filter(([key]) => !MARK.test(key)) : [];
    return entries.length === 0 ? [] : [[name, Object.fromEntries(entries)] as const];
  });
  return { ...body, metadata: { ...omit(metadata, 'labels', 'annotations'), ...Object.fromEntries(named) } };
}

const MARK = /^(patch\.)?libretto\.dev\//;

interface Found {
  readonly resource: KubeObject;
  /** As it is named on the command line. */
  readonly folder: string;
  readonly rendered: RenderedResource;
}

async function renderOne(
  resource: KubeObject,
  folders: readonly LoadedFolder[],
  { ready, clock }: { readonly ready: boolean; readonly clock: Clock },
): Promise<Found> {
  for (const { result, path } of folders) {
    if (result.kind === 'refused') continue;
    const { playbook } = result;
    const input = { playbook, schema: ownSchemas(playbook), now: clock.now(), ready };
    const rendered = await renderResource(resource, input);
    if (rendered !== undefined) return { resource, folder: relative('.', path), rendered };
  }
  const kinds = folders.flatMap(({ result }) => (result.kind === 'refused' ? [] : kindsOf(result.playbook)));
  throw new UsageError(
    `no playbook watches ${groupKind(gvkOf(resource))}`,
    `the playbook watches ${kinds.join(', ')}; name another by --playbook`,
  );
}

function kindsOf({ watches }: Playbook): readonly string[] {
  return watches.map(({ gvk }) => groupKind(gvk));
}

function tellNotes({ resource, rendered }: Found, terminal: Terminal): void {
  const name = `${resource.kind} ${resource.metadata.name}`;
  const { starts, outcome } = rendered;
  if (starts.length > 0) terminal.err(`${name}: starts ${starts.join(', ')}\n`);
  if (outcome.kind !== 'done')
    terminal.err(
      `${name}: ${outcome.kind === 'terminal' ? 'refused' : 'waits'}: ${outcome.reason}: ${outcome.message}\n`,
    );
}

function asYaml(found: readonly Found[], explain: boolean, terminal: Terminal): string {
  const documents = found.flatMap(({ folder, rendered }) =>
    rendered.objects.map((object) => documentOf(object, folder, explain)),
  );
  const text = documents.join('---\n');
  return terminal.colors ? highlightYaml(text) : text;
}

function documentOf(object: RenderedObject, folder: string, explain: boolean): string {
  const { body, file, places } = object;
  const from = file === undefined ? 'made by an action' : `${folder === '' ? '' : `${folder}/`}${file}`;
  const text = formatYamlWith(body, (pointer, kind) => {
    if (!explain) return undefined;
    const found = places.get(pointer);
    if (found !== undefined) return placeText(found);
    return kind === 'scalar' && !isInserted(places, pointer) ? 'added by the engine' : undefined;
  });
  return `# ${from}\n${text}`;
}

function placeText({ place, source }: { place: { file: string; line: number }; source?: string }): string {
  return `${place.file}:${place.line}${source === undefined ? '' : ` ${source}`}`;
}

/** Below a value that an expression put in whole. */
function isInserted(places: RenderedObject['places'], pointer: string): boolean {
  const parent = pointer.slice(0, pointer.lastIndexOf('/'));
  return parent !== '' && (places.has(parent) || isInserted(places, parent));
}

function asJsonText(found: readonly Found[], explain: boolean): string {
  const resources = found.map(({ resource, rendered }) => ({
    kind: resource.kind,
    name: resource.metadata.name,
    starts: rendered.starts,
    outcome: rendered.outcome,
    status: asJson(rendered.status ?? null),
    objects: rendered.objects.map(({ body, file, places }) => ({
      ...(file === undefined ? {} : { file }),
      body,
      ...(explain ? { places: Object.fromEntries(places) } : {}),
    })),
  }));
  return `${JSON.stringify(resources, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part), 2)}\n`;
}
