/** `libretto explain KIND/NAME`: why a resource is not ready, and what happens next. Reads only. */
import { EngineError } from '../base/errors.ts';
import { type GroupVersionKind, groupKind, type KubeObject } from '../kube/object.ts';
import { type FolderContent, readPlaybookFolders } from '../operator/folder-files.ts';
import { installedPlaybooks } from '../operator/installed.ts';
import { survey } from '../operator/survey.ts';
import type { Playbook } from '../playbook/model.ts';
import { type Explanation, explain } from '../reconcile/explain.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { withPods } from './explain-pods.ts';
import { findKind } from './find-kind.ts';
import { LIVE_FLAGS, type LiveCluster, loadAgainst, withCluster } from './live-cluster.ts';
import { describeChildren } from './plan.ts';

export const explainCommand = defineCommand({
  name: 'explain',
  summary: 'tell why a resource is not ready, and what happens next',
  usage: 'libretto explain KIND/NAME --context NAME [--resource-namespace NAME] [--output json]',
  description: `Shows the rule that does not hold with the values that it reads, the children that are not as described, the running
action and its step, the last error, who last changed the resource, and what the engine would do now. Reads only.`,
  flags: {
    ...LIVE_FLAGS,
    'resource-namespace': {
      type: 'string',
      short: 'n',
      value: 'NAME',
      default: 'default',
      help: "the resource's namespace",
    },
    'playbooks-dir': {
      type: 'list',
      value: 'FOLDER',
      help: "folders with playbooks, beside the ConfigMaps of the engine's namespace",
    },
    output: {
      type: 'string',
      value: 'FORMAT',
      default: 'text',
      choices: ['text', 'json'],
      help: 'how to print it',
    },
  },
  args: { min: 1, max: 1 },
  examples: ['libretto explain sampledb/orders --context staging'],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    const [kind = '', name = '', ...rest] = (args[0] ?? '').split('/');
    if (name === '' || rest.length > 0) throw new UsageError(`${args[0]} is not KIND/NAME`);
    const wish = { kind, name, namespace: values['resource-namespace'], folders: values['playbooks-dir'] };
    const explanation = await withCluster(values, terminal, (live) => explainOne(live, wish));
    if (values.output === 'json') terminal.out(`${JSON.stringify(explanation, null, 2)}\n`);
    else terminal.out(describe(explanation));
    return 0;
  },
});

interface Wish {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly folders: readonly string[];
}

async function explainOne(live: LiveCluster, wish: Wish): Promise<Explanation> {
  const { gvk, namespaced } = findKind(wish.kind, live.cluster.discovery);
  const playbook = await playbookFor(gvk, live, wish.folders);
  const select = ({ metadata, kind }: KubeObject): boolean =>
    kind === gvk.kind &&
    metadata.name === wish.name &&
    (!namespaced || metadata.namespace === wish.namespace);
  const found = await survey(playbook, { ...live, select }, ({ watch, snapshot, plan }) =>
    groupKind(watch.gvk) === groupKind(gvk)
      ? [{ explanation: explain(watch, snapshot, plan), children: snapshot.candidates }]
      : [],
  );
  const [first] = found.flat();
  if (first !== undefined) return await withPods(first.explanation, first.children, live.cluster.client);
  const where = namespaced ? ` in the namespace ${wish.namespace}` : '';
  throw new EngineError('ResourceNotFound', `there is no ${gvk.kind} ${wish.name}${where}`, {
    hint: 'check the name, and the namespace with --resource-namespace',
  });
}

async function playbookFor(
  gvk: GroupVersionKind,
  live: LiveCluster,
  folders: readonly string[],
): Promise<Playbook> {
  const sources = [
    ...(await installed(live)),
    ...(await Promise.all(folders.map(readPlaybookFolders))).flat(),
  ];
  for (const source of sources) {
    const result = await loadAgainst(source, live);
    if (result.kind === 'refused') continue;
    if (result.playbook.watches.some((watch) => groupKind(watch.gvk) === groupKind(gvk)))
      return result.playbook;
  }
  throw new EngineError('PlaybookNotFound', `no playbook in ${live.namespace} watches ${groupKind(gvk)}`, {
    hint: "name the engine's namespace with --namespace, or the playbook's folder with --playbooks-dir",
  });
}

/** The playbooks in the ConfigMaps of the engine's namespace. */
async function installed({ cluster, namespace }: LiveCluster): Promise<readonly FolderContent[]> {
  return (await installedPlaybooks(cluster.client, namespace)).flatMap(
    ({ name, assembly }): readonly FolderContent[] =>
      assembly.kind === 'incomplete'
        ? []
        : [{ name, path: name, files: assembly.files, problems: assembly.problems }],
  );
}

function describe(explanation: Explanation): string {
  const { resource, deletion, playbook, ready, conditions, rules, children, runs, next, lastChanges } =
    explanation;
  const state =
    ready === undefined
      ? 'no engine has looked at it yet'
      : `Ready is ${ready.status} since ${ready.since}: ${ready.reason}${ready.message === '' ? '' : `: ${ready.message}`}`;
  return [
    `${resource}\n  ${state}\n${describeDeletion(deletion)}  ${describePlaybook(playbook)}\n`,
    section(
      'Conditions',
      conditions.map(({ type, status, reason, message }) => `${type} ${status} (${reason}) ${message}`),
    ),
    section(
      'Rules that do not hold',
      rules.flatMap(({ type, file, line, source, values }) => [
        `${type}: ${source.replaceAll(/\s+/g, ' ').trim()}  (${file}:${line})`,
        ...Object.entries(values).map(
          ([path, value]) => `  ${path} is ${value === null ? 'missing' : JSON.stringify(value)}`,
        ),
      ]),
    ),
    section(
      'Children that are not as described',
      children.flatMap(({ kind, name, status, message, pods = [] }) => [
        `${kind} ${name}: ${status}, ${message}`,
        ...pods.map((line) => `  ${line}`),
      ]),
    ),
    section(
      'Actions',
      runs.map(
        ({ action, name, phase, step, attempt, message }) =>
          `${action} (${name}) ${phase}${step === undefined ? '' : `, step ${step}, attempt ${attempt}`}${message === '' ? '' : `: ${message}`}`,
      ),
    ),
    section('Next', describeNext(next, runs)),
    section(
      'Last changed by',
      lastChanges.map(
        ({ manager, operation, time, fields }) => `${manager} (${operation}, ${time}) ${fields.join(', ')}`,
      ),
    ),
  ].join('');
}

function describeDeletion(deletion: Explanation['deletion']): string {
  if (deletion === undefined) return '';
  const { since, finalizers } = deletion;
  return `  It is being deleted since ${since}${finalizers.length === 0 ? '' : `, and held by ${finalizers.join(', ')}`}\n`;
}

function describeNext(next: Explanation['next'], runs: Explanation['runs']): readonly string[] {
  const planned = describeChildren(next)
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(2));
  const going = runs
    .filter(({ phase }) => phase !== 'Failed')
    .map(({ action }) => `> action ${action} goes on`);
  const failed = runs.flatMap(({ action, name, retry }) =>
    retry === undefined
      ? []
      : [
          `! action ${action} is not tried again by itself: kubectl patch actionrun ${name} --type=merge -p '{"spec":{"retry":${retry}}}'`,
        ],
  );
  const all = [...planned, ...going, ...failed];
  return all.length === 0 ? ['nothing: everything is as described'] : all;
}

function describePlaybook({ name, version, of }: Explanation['playbook']): string {
  const seen = of === undefined || of === version ? '' : `; its status is of version ${of}`;
  return `The playbook is ${name}, version ${version}${seen}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  ${line.trimEnd()}\n`).join('')}`;
}
