/** A new playbook: the files of an operator that lints, tests and runs as it is. */
import type { GroupVersionKind, Json, JsonObject } from '../../kube/object.ts';
import { LITERAL_OPEN } from '../template/ast.ts';
import { formatYaml } from '../yaml-text.ts';
import { defaultManifests } from './default-manifests.ts';
import { EXPRESSION } from './expression.ts';
import { modesIn, withModes } from './modes.ts';
import { type Field, type Parametrised, type ParametrisedManifest, parametrise } from './parameters.ts';

/** Where the files' own schemas are put, for editors: a folder whose name begins with a dot belongs to no playbook. */
export const SCHEMA_FOLDER = '.schemas';

export interface ScaffoldOptions {
  /** Existing ones to start from; default: a web server. */
  readonly manifests?: readonly JsonObject[];
  /** Default: made of the kind. */
  readonly plural?: string | undefined;
}

/** Answers with files by name. */
export function scaffold(
  gvk: GroupVersionKind,
  { manifests, plural }: ScaffoldOptions = {},
): ReadonlyMap<string, string> {
  const name = gvk.kind.toLowerCase();
  const parametrised = parametrise(manifests ?? defaultManifests(name));
  const ordered = parametrised.manifests;
  return new Map([
    ['watches.yaml', watchesFile(gvk, parametrised, plural)],
    ...ordered.map(({ id, tree }) => [`${id}.yaml.hbs`, templateText(tree)] as const),
    ['sample.yaml', sampleFile(gvk, name, parametrised.fields)],
    [`${name}.case.yaml`, caseFile(gvk, parametrised)],
    ['README.md', readme(gvk, name, parametrised.fields)],
  ]);
}

function watchesFile(
  { group, version, kind }: GroupVersionKind,
  { manifests, fields }: Parametrised,
  plural: string | undefined,
): string {
  const spec = Object.fromEntries([...fields].map(([name, { schema }]) => [name, schema]));
  const columns = Object.fromEntries(
    [...fields].flatMap(([name, { schema }]) =>
      schema.type === 'integer' ? [[`${name[0]?.toUpperCase()}${name.slice(1)}`, `spec.${name}`]] : [],
    ),
  );
  const watch: JsonObject = {
    group,
    version,
    kind,
    schema: {
      ...(plural === undefined ? {} : { plural }),
      spec,
      ...(Object.keys(columns).length === 0 ? {} : { columns }),
    },
    manifests: manifests.map(manifestEntry),
  };
  const schema = `# yaml-language-server: $schema=${SCHEMA_FOLDER}/watches.schema.json\n`;
  const about = `# What belongs to a ${kind}, and when it is healthy: Ready once every object is.\n`;
  return `${schema}${about}${formatYaml([[watch]])}`;
}

function manifestEntry({ id, createOnly, scaled }: ParametrisedManifest): Json {
  const file = `${id}.yaml.hbs`;
  if (scaled) return { file, ignoreFields: ['spec.replicas'] };
  return createOnly ? { file, policy: 'CreateOnly' } : file;
}

/** YAML with `{{ }}`; what was literal stays so. */
function templateText(tree: JsonObject): string {
  const text = formatYaml([withModes(tree)]).replaceAll('{{', LITERAL_OPEN);
  return modesIn(text.replace(new RegExp(EXPRESSION, 'g'), '{{$1}}'));
}

function sampleFile(gvk: GroupVersionKind, name: string, fields: Parametrised['fields']): string {
  return formatYaml([resource(gvk, `my-${name}`, fields)]);
}

/** Only what a user is likely to choose is written out; the rest has its default. */
function resource(
  { group, version, kind }: GroupVersionKind,
  name: string,
  fields: Parametrised['fields'],
): JsonObject {
  const chosen = [...fields].filter(
    ([, { schema }]) => schema.type === 'integer' || schema.type === 'quantity',
  );
  const spec = Object.fromEntries(chosen.map(([field, { value }]) => [field, value]));
  return { apiVersion: `${group}/${version}`, kind, metadata: { name }, spec };
}

function caseFile(gvk: GroupVersionKind, { manifests, fields }: Parametrised): string {
  const replicas = [...fields].find(
    ([name, { schema }]) => /replicas$/i.test(name) && schema.type === 'integer',
  );
  const children = Object.fromEntries(manifests.map(({ id, gvk: { kind } }) => [id, { kind }]));
  const grows = replicas === undefined ? [] : [growing(replicas, manifests)].flatMap((step) => step ?? []);
  const golden: JsonObject = {
    name: `a ${gvk.kind} gets what belongs to it, and is Ready`,
    resource: resource(gvk, 'one', fields),
    steps: [
      { name: 'it is created', expect: { children } },
      {
        name: 'everything is up',
        change: { ready: 'all' },
        expect: { conditions: { Ready: 'True' }, outcome: 'done' },
      },
      ...grows,
    ],
  };
  return `# yaml-language-server: $schema=${SCHEMA_FOLDER}/case.schema.json\n${formatYaml([golden])}`;
}

function growing(
  [name, { value }]: readonly [string, Field],
  manifests: readonly ParametrisedManifest[],
): JsonObject | undefined {
  const source = `spec.${name}`;
  const found = manifests.find(({ tree }) =>
    JSON.stringify(tree['spec'] ?? {}).includes(`"\uE000${source}\uE001"`),
  );
  if (found === undefined) return undefined;
  const more = Number(value) + 2;
  return {
    name: 'it grows',
    change: { resource: { spec: { [name]: more } } },
    expect: { children: { [found.id]: { spec: { replicas: more } } } },
  };
}

function readme(
  { group, version, kind }: GroupVersionKind,
  name: string,
  fields: Parametrised['fields'],
): string {
  const rows = [...fields].map(
    ([field, { schema }]) =>
      `| \`spec.${field}\` | ${String(schema.type ?? 'map')} | \`${JSON.stringify(schema.default)}\` |`,
  );
  return `# ${name}

An operator for \`${kind}\` (\`${group}/${version}\`).

\`\`\`
libretto lint .
libretto test .
kubectl apply -f sample.yaml
kubectl wait --for=condition=Ready ${name}.${group}/my-${name} --timeout=2m
\`\`\`

| field | type | default |
|---|---|---|
${rows.join('\n')}
`;
}
