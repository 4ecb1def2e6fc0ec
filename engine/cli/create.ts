/** `libretto create api`: the folder of a new operator, which lints, tests and runs as it is. */
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import type { GroupVersionKind, JsonObject } from '../kube/object.ts';
import { isJsonObject } from '../kube/value.ts';
import { isLabel, isProtected } from '../playbook/crd-names.ts';
import { pluralOf } from '../playbook/load-schema.ts';
import { type Sorted, sortOut } from '../playbook/scaffold/foreign.ts';
import { SCHEMA_FOLDER, scaffold } from '../playbook/scaffold/scaffold.ts';
import { parseYaml, type YamlResult } from '../playbook/yaml.ts';
import { defineCommand, type ExitCode, UsageError } from './command.ts';
import { fileProblem } from './file-problem.ts';
import type { Flags, FlagValues } from './flags.ts';
import type { Terminal } from './terminal.ts';

const FLAGS = {
  group: { type: 'string', value: 'GROUP', help: 'the API group, such as app, which goes before the domain' },
  version: { type: 'string', value: 'VERSION', help: 'the API version, such as v1 or v1alpha1' },
  kind: { type: 'string', value: 'KIND', help: 'the kind, such as MyApp' },
  domain: {
    type: 'string',
    value: 'DOMAIN',
    default: 'example.com',
    help: 'what the group ends with; a group with a dot is complete',
  },
  plural: { type: 'string', value: 'PLURAL', help: 'the plural in lower case (default: made of the kind)' },
  from: { type: 'list', value: 'FILE', help: 'existing manifests to make templates of; may be repeated' },
  output: { type: 'string', value: 'FOLDER', help: 'the new folder (default: the kind in lower case)' },
  plain: { type: 'boolean', default: false, help: 'ask nothing, even on a terminal' },
} as const satisfies Flags;

type Values = FlagValues<typeof FLAGS>;

const SCHEMAS = join(import.meta.dirname, '../../schemas');

export const createCommand = defineCommand({
  name: 'create',
  summary: 'make the folder of a new operator',
  usage: 'libretto create api --group=GROUP --version=VERSION --kind=KIND [--domain DOMAIN] [--from FILE]',
  description: `Makes a playbook folder with a watch, templates, a sample, golden cases and a README. With --from the given manifests
become its templates: names follow the resource's, and replicas, images, resources, storage, hosts and configuration
become fields of the spec. On a terminal it asks for what the flags do not say.`,
  flags: FLAGS,
  args: { min: 1, max: 1 },
  examples: [
    'libretto create api --group=app --version=v1 --kind=MyApp',
    'libretto create api --group=app --version=v1 --kind=Shop --from deployment.yaml --from service.yaml',
  ],
  async execute(values, { args, terminal }): Promise<ExitCode> {
    if (args[0] !== 'api')
      throw new UsageError(`libretto can't create ${args[0]}`, 'write libretto create api');
    const gvk = await kindOf(values, terminal);
    const manifests = (await Promise.all(values.from.map(readManifests))).flat();
    const { kept, leftOut } = sortOut(manifests);
    if (kept.length === 0 && values.from.length > 0) throw nothingLeft(values.from, leftOut);
    const files = scaffold(gvk, {
      plural: values.plural,
      ...(values.from.length === 0 ? {} : { manifests: kept }),
    });
    const folder = values.output ?? gvk.kind.toLowerCase();
    await writeFolder(folder, files);
    terminal.out(closing(folder, [...files.keys()], leftOut));
    return 0;
  },
});

async function kindOf(values: Values, terminal: Terminal): Promise<GroupVersionKind> {
  const group = await known('group', values.group, { values, terminal, question: 'API group (such as app)' });
  const version = await known('version', values.version, {
    values,
    terminal,
    question: 'API version (such as v1)',
  });
  const kind = await known('kind', values.kind, { values, terminal, question: 'Kind (such as MyApp)' });
  const full = group.includes('.') ? group : `${group}.${values.domain}`;
  const plural = values.plural ?? pluralOf(kind.toLowerCase());
  const problems = [
    ...(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/.test(full) && full.length <= 253
      ? []
      : [`${full} is no API group: lower case letters, digits, - and dots, such as app.example.com`]),
    ...(isProtected(full) ? [`${full} is Kubernetes' own: choose another --group or --domain`] : []),
    ...(/^v[1-9]\d*((alpha|beta)[1-9]\d*)?$/.test(version)
      ? []
      : [`${version} is no API version: v1, v1beta1 or v1alpha1`]),
    ...(/^[A-Z][A-Za-z0-9]{0,58}$/.test(kind)
      ? []
      : [`${kind} is no kind: at most 59 letters and digits, an upper case letter first, such as MyApp`]),
    ...(isLabel(plural)
      ? []
      : [`${plural} is no plural: at most 63 lower case letters, digits and -; name another by --plural`]),
  ];
  if (problems.length > 0) throw new UsageError(problems.join('\n  '));
  return { group: full, version, kind };
}

async function known(
  name: string,
  value: string | undefined,
  { values, terminal, question }: { values: Values; terminal: Terminal; question: string },
): Promise<string> {
  if (value !== undefined) return value;
  const answer = terminal.interactive && !values.plain ? await terminal.ask(`${question}: `) : '';
  if (answer.trim() === '') throw new UsageError(`--${name} is missing`, question);
  return answer.trim();
}

function nothingLeft(files: readonly string[], leftOut: Sorted['leftOut']): UsageError {
  return new UsageError(
    `${files.join(', ')}: none of the manifests can become a template`,
    leftOut.join('; '),
  );
}

async function readManifests(file: string): Promise<readonly JsonObject[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileProblem(file, error);
  });
  const parsed = parseAsKubectl(file, text);
  if (parsed.kind === 'refused') {
    const [first] = parsed.problems;
    throw new UsageError(
      `${first?.file}:${first?.line}:${first?.column} ${first?.message}`,
      text.includes('{{') ? 'a Helm chart is rendered first: helm template NAME CHART' : first?.hint,
    );
  }
  const manifests = parsed.documents.flatMap(({ value }, index): readonly JsonObject[] => {
    const object = isJsonObject(value) ? value : {};
    const found = object.kind === 'List' && Array.isArray(object.items) ? object.items : [object];
    if (value === null || found.every(isManifest)) return value === null ? [] : found;
    const { kind } = Object(found.find((each) => !isManifest(each)));
    throw new UsageError(
      `${file}: document ${index + 1}${typeof kind === 'string' ? ` (${kind})` : ''} is no manifest`,
      'each document needs apiVersion, kind and metadata.name',
    );
  });
  if (manifests.length === 0) throw new UsageError(`${file} holds no manifest`);
  return manifests;
}

/** To kubectl `0755` is octal: manifests that it takes are taken here. */
function parseAsKubectl(file: string, text: string): YamlResult {
  const parsed = parseYaml({ file, text });
  if (parsed.kind === 'parsed') return parsed;
  const lines = text.split('\n');
  for (const { code, line, column } of parsed.problems.toReversed()) {
    if (code !== 'YamlLeadingZero') continue;
    const [before, after] = [lines[line - 1]?.slice(0, column - 1), lines[line - 1]?.slice(column - 1)];
    lines[line - 1] = `${before}${after?.replace(/^([-+]?)0+(?=[0-7]+\b)/, '$10o')}`;
  }
  return parseYaml({ file, text: lines.join('\n') });
}

function isManifest(value: unknown): value is JsonObject {
  const { apiVersion, kind, metadata } = Object(value);
  return (
    typeof apiVersion === 'string' && typeof kind === 'string' && typeof Object(metadata).name === 'string'
  );
}

/** All or nothing: the folder appears under its name once it is complete. */
async function writeFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const target = resolve(folder);
  if (await exists(target))
    throw new UsageError(`${folder} exists already`, 'choose another folder with --output');
  const building = await mkdir(dirname(target), { recursive: true })
    .then(() => mkdtemp(join(dirname(target), `.${basename(target)}-`)))
    .catch((error: unknown) => {
      throw new UsageError(
        `${folder} can't be made: ${errorMessage(error)}`,
        'choose another folder with --output',
      );
    });
  try {
    for (const [name, text] of files) await writeFile(join(building, name), text);
    await mkdir(join(building, SCHEMA_FOLDER));
    for (const name of ['watches.schema.json', 'case.schema.json'])
      await writeFile(join(building, SCHEMA_FOLDER, name), await readFile(join(SCHEMAS, name)));
    await rename(building, target);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function closing(folder: string, files: readonly string[], leftOut: Sorted['leftOut']): string {
  const rest = leftOut.length === 0 ? '' : `\nLeft out:\n${leftOut.map((each) => `  ${each}\n`).join('')}`;
  return `${files.map((file) => `${folder}/${file}\n`).join('')}${rest}
Next:
  libretto lint ${folder}
  libretto test ${folder}
  libretto package ${folder} | kubectl apply --server-side -f -
`;
}
