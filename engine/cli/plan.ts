/** `libretto plan`: what a playbook, or a changed resource, would do to the live instances. Reads only. */
import { readFile } from 'node:fs/promises';
import { formatDiagnostic, hasErrors } from '../base/diagnostic.ts';
import { mergeObjects } from '../kube/merge-patch.ts';
import { groupKind, gvkOf, type Json, type JsonObject, type KubeObject, refOf } from '../kube/object.ts';
import { asJson, isJsonObject } from '../kube/value.ts';
import { readPlaybookFolders } from '../operator/folder-files.ts';
import { type Surveyed, survey } from '../operator/survey.ts';
import { type Incompatible, incompatibleWith } from '../playbook/incompatible.ts';
import type { Playbook, PlaybookFiles } from '../playbook/model.ts';
import { parseYaml } from '../playbook/yaml.ts';
import { type ChildPreview, type FieldChange, type Preview, previewOf } from '../reconcile/preview.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { fileProblem } from './file-problem.ts';
import { LIVE_FLAGS, type LiveCluster, loadAgainst, withCluster } from './live-cluster.ts';
import { noPlaybook } from './load-folders.ts';
import type { Terminal } from './terminal.ts';

interface Instance {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly preview: Preview;
  /** What of it the new definition of its kind would refuse or drop. */
  readonly invalid: readonly string[];
}

export const planCommand = defineCommand({
  name: 'plan',
  summary: 'show what a playbook would change in a live cluster',
  usage: 'libretto plan FOLDER --context NAME [--cr FILE] [--exit-code] [--output json]',
  description: `For each live resource of the playbook: what would be created, changed (field by field), recreated or deleted, and
which actions would start. Reads only. With --cr: what the resource in this file, in place of the live one, would change.
Values of probes are not asked for: what depends on them is said to wait.`,
  flags: {
    ...LIVE_FLAGS,
    cr: { type: 'string', value: 'FILE', help: 'a changed resource; only its instance is looked at' },
    'exit-code': { type: 'boolean', default: false, help: 'exit with 1 where anything would change' },
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'text',
      choices: ['text', 'json'],
      help: 'how to print it',
    },
  },
  args: { min: 1, max: 1 },
  examples: ['libretto plan playbooks/redis --context staging'],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const changed = values.cr === undefined ? undefined : await readResource(values.cr);
    const instances = await withCluster(values, terminal, (live) =>
      planFolder(args[0] ?? '', { live, changed, terminal }),
    );
    if (instances === undefined) return 1;
    if (values.output === 'json') terminal.out(`${JSON.stringify(instances, null, 2)}\n`);
    else terminal.out(describe(instances));
    return values['exit-code'] && instances.some(changes) ? 1 : 0;
  },
});

interface Input {
  readonly live: LiveCluster;
  readonly changed: KubeObject | undefined;
  readonly terminal: Terminal;
}

/** Undefined where the playbook has errors, which are printed. */
async function planFolder(
  path: string,
  { live, changed, terminal }: Input,
): Promise<readonly Instance[] | undefined> {
  const [folder] = await readPlaybookFolders(path);
  if (folder === undefined) throw await noPlaybook(path);
  const result = await loadAgainst(folder, live);
  const problems = result.kind === 'refused' ? result.problems : result.warnings;
  for (const problem of problems)
    terminal.err(`${formatDiagnostic({ ...problem, file: `${path}/${problem.file}` })}\n`);
  if (result.kind === 'refused' || hasErrors(problems)) return undefined;
  if (changed !== undefined) checkWatched(changed, result.playbook);
  const edits =
    changed === undefined
      ? {}
      : { select: sameAs(changed), edit: (before: KubeObject) => edited(before, changed) };
  const changes = await incompatibleNow(result.playbook, folder.files, live);
  const found = await survey(result.playbook, { ...live, ...edits }, (one) => instanceOf(one, changes));
  for (const { change: _change, ...problem } of changes)
    terminal.err(`${formatDiagnostic({ ...problem, file: `${path}/${problem.file}` })}\n`);
  if (changed !== undefined && found.length === 0)
    throw new UsageError(
      `there is no ${changed.kind} ${changed.metadata.name} in the cluster`,
      'plan shows what changes; create it to begin',
    );
  return found;
}

function checkWatched({ apiVersion, kind }: KubeObject, { watches }: Playbook): void {
  const wanted = groupKind(gvkOf({ apiVersion, kind }));
  const known = watches.map(({ gvk }) => groupKind(gvk));
  if (!known.includes(wanted))
    throw new UsageError(`the playbook does not watch ${wanted}`, `it watches ${known.join(', ')}`);
}

/** What the playbook's kinds make incompatible with those that the cluster has. */
async function incompatibleNow(
  playbook: Playbook,
  files: PlaybookFiles,
  { cluster }: LiveCluster,
): Promise<readonly Incompatible[]> {
  const present = await Promise.all(playbook.crds.map((crd) => cluster.client.get(refOf(crd))));
  return incompatibleWith((name) => present.find((crd) => crd?.metadata.name === name), playbook, files);
}

function instanceOf(
  { watch, resource, snapshot, plan }: Surveyed,
  changes: readonly Incompatible[],
): Instance {
  const { namespace, name } = resource.metadata;
  const preview = previewOf(watch, snapshot, plan);
  const invalid = changes
    .filter(({ change }) => change.version === watch.gvk.version && change.breaks?.(resource) === true)
    .map(({ code, message }) => `${code}: ${message}`);
  return { kind: resource.kind, ...(namespace === undefined ? {} : { namespace }), name, preview, invalid };
}

async function readResource(file: string): Promise<KubeObject> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileProblem(file, error);
  });
  const parsed = parseYaml({ file, text });
  const [document, second] = parsed.kind === 'parsed' ? parsed.documents : [];
  const value = document?.value;
  const named = typeof Object(Object(value).metadata).name === 'string';
  if (!named || second !== undefined)
    throw new UsageError(
      `${file} is not one resource`,
      'one document with apiVersion, kind, metadata and spec',
    );
  return value as unknown as KubeObject; // as: it has a kind and a name; the cluster is asked for the rest
}

function sameAs(wanted: KubeObject): (resource: KubeObject) => boolean {
  const { name, namespace = 'default' } = wanted.metadata;
  return ({ apiVersion, kind, metadata }) =>
    groupKind(gvkOf({ apiVersion, kind })) === groupKind(gvkOf(wanted)) &&
    metadata.name === name &&
    (metadata.namespace === undefined || metadata.namespace === namespace);
}

/** The live resource as it would be after `kubectl apply`: fields that the file does not say stay. */
function edited(before: KubeObject, { spec, metadata }: KubeObject): KubeObject {
  const patch = { spec: asJson(spec ?? {}), metadata: pick(asJson(metadata), ['labels', 'annotations']) };
  const tree = asJson(before);
  const merged = isJsonObject(tree) ? mergeObjects(tree, patch) : {};
  const generation = (before.metadata.generation ?? 1) + 1;
  return {
    ...before,
    spec: merged['spec'] ?? {},
    metadata: { ...before.metadata, ...Object(merged['metadata']), generation },
  };
}

function pick(tree: Json, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(Object(tree)).filter(([name]) => names.includes(name)),
  ) as JsonObject; // as: parts of JSON
}

function changes({ preview, invalid }: Instance): boolean {
  return invalid.length > 0 || preview.children.length > 0 || preview.actions.length > 0;
}

const EFFECTS: Readonly<Record<ChildPreview['effect'], { mark: string; verb: string }>> = {
  create: { mark: '+', verb: 'create' },
  change: { mark: '~', verb: 'change' },
  recreate: { mark: '!', verb: 'recreate' },
  refuse: { mark: 'x', verb: 'fail' },
  delete: { mark: '-', verb: 'delete' },
  release: { mark: '<', verb: 'release' },
  orphan: { mark: '<', verb: 'orphan' },
};

function describe(instances: readonly Instance[]): string {
  return `${summary(instances)}\n${instances
    .filter((one) => changes(one) || one.preview.blocked !== undefined)
    .map(describeOne)
    .join('')}`;
}

/** “37 instances change, 2 recreate a StatefulSet”. */
function summary(instances: readonly Instance[]): string {
  const changing = instances.filter(changes);
  const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const effects = Object.entries(EFFECTS).flatMap(([effect, { verb }]) => {
    const kinds = instances.flatMap(({ preview }) => [
      ...new Set(preview.children.filter((child) => child.effect === effect).map(({ kind }) => kind)),
    ]);
    return [...Map.groupBy(kinds, (kind) => kind)].map(([kind, { length }]) => {
      const verbs = `${verb}${length === 1 ? 's' : ''}`;
      return effect === 'refuse'
        ? `${length} ${verbs} on an immutable field of a ${kind}`
        : `${length} ${verbs} a ${kind}`;
    });
  });
  const starting = instances.flatMap(({ preview }) => preview.actions.map(({ action }) => action));
  const actions = [...Map.groupBy(starting, (name) => name)].map(
    ([name, all]) => `${all.length} start${all.length === 1 ? 's' : ''} ${name}`,
  );
  const blocked = instances.filter(({ preview }) => preview.blocked?.terminal === true).length;
  const parts = [
    `${changing.length} of ${plural(instances.length, 'instance')} change${changing.length === 1 ? 's' : ''}`,
    ...effects,
    ...actions,
  ];
  const invalid = instances.filter((one) => one.invalid.length > 0).length;
  if (invalid > 0) parts.push(`${invalid} ${invalid === 1 ? 'does' : 'do'} not fit the new schema`);
  if (blocked > 0) parts.push(`${blocked} can't be planned`);
  return parts.join(', ');
}

function describeOne({ kind, namespace, name, preview, invalid }: Instance): string {
  const title = `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  const misfits = invalid.map((each) => `  x ${each}\n`).join('');
  return `\n${title}\n${misfits}${describeChildren(preview, namespace)}`;
}

/** One line a child, field and action; children in another namespace with it. */
export function describeChildren({ children, actions, blocked }: Preview, namespace?: string): string {
  const lines = children.map((child) => {
    const other = child.namespace !== undefined && namespace !== undefined && child.namespace !== namespace;
    const fields = child.fields.map((field) => `      ${field.path}: ${shownPair(field)}\n`);
    const name = `${child.kind} ${other ? `${child.namespace}/` : ''}${child.name}`;
    return `  ${EFFECTS[child.effect].mark} ${name} (${child.why})\n${fields.join('')}`;
  });
  const starting = actions.map(({ action, trigger }) => `  > action ${action} starts (${trigger})\n`);
  return `${lines.join('')}${starting.join('')}${blocked === undefined ? '' : describeBlocked(blocked)}`;
}

function describeBlocked({ reason, message, terminal }: NonNullable<Preview['blocked']>): string {
  return terminal
    ? `  ! nothing until somebody changes this (${reason}): ${message}\n`
    : `  ? waits (${reason}): ${message}\n`;
}

const LONGEST = 100;
/** What is shown before the first difference of two long texts. */
const LEAD = 20;

function shownPair({ before, after }: FieldChange): string {
  const [from, to] = [textOf(before), textOf(after)];
  const same = [...from].findIndex((letter, index) => letter !== to[index]);
  const start = from.length <= LONGEST && to.length <= LONGEST ? 0 : Math.max(0, same - LEAD);
  return `${excerpt(from, start)} -> ${excerpt(to, start)}`;
}

function excerpt(text: string, start: number): string {
  const end = start + LONGEST;
  return `${start > 0 ? '…' : ''}${text.slice(start, end)}${end < text.length ? '…' : ''}`;
}

function textOf(value: Json | undefined): string {
  if (value === undefined) return '(none)';
  if (typeof value === 'string') return value.replaceAll('\n', '\\n');
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}
