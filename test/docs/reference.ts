/**
 * docs/reference.md, made of the JSON Schemas that editors read: a section for each object that has a name, with a row for
 * each key. What is written inside another object without a name of its own is a row there (`rolling.max`).
 */
import golden from '../../schemas/case.schema.json' with { type: 'json' };
import watches from '../../schemas/watches.schema.json' with { type: 'json' };
import { type Definitions, isSection, type Schema, typeOf } from './reference-types.ts';

const INTRODUCTION = `# Reference of keys

Every key of \`watches.yaml\` and of golden cases. How they work together is told in [language.md](language.md),
[actions.md](actions.md) and [golden-cases.md](golden-cases.md).

This page is made of \`schemas/*.json\` by \`npm run docs:reference\`: change a description there. Editors show the same texts.
\`a.b\` is the key \`b\` in \`a\`, \`a[]\` an item of a list, \`NAME\` any name.
`;

const WATCHES = `## watches.yaml

A list of [watches](#watch), or in the long form a [Playbook](#playbook) with that list in it.
`;

const CASES = `## Golden cases

\`*.case.yaml\`; a file may hold several cases, one a document.
`;

const VALUES = `## Values

What the names above stand for.

| name | written as | meaning |
|---|---|---|
`;

export function referencePage(): string {
  const all: Definitions = { ...watches.$defs, ...golden.$defs };
  const ofWatches = inReach(['playbook', 'watch'], watches.$defs);
  const ofCases = inReach(Object.keys(golden.$defs), golden.$defs);
  const root: Schema = golden;
  return [
    INTRODUCTION,
    WATCHES,
    ...ofWatches.map((name) => section(all[name], all)),
    CASES,
    section({ ...root, title: 'Case' }, all),
    ...ofCases.map((name) => section(all[name], all)),
    VALUES + valueRows(all),
  ].join('\n');
}

/** The names of the sections that these lead to, each once, in the order in which a reader meets them. */
function inReach(names: readonly string[], definitions: Definitions): readonly string[] {
  const found: string[] = [];
  const visit = (name: string): void => {
    const schema = definitions[name];
    if (schema === undefined || found.includes(name)) return;
    if (isSection(schema)) found.push(name);
    for (const [, referred] of JSON.stringify(schema).matchAll(/"#\/\$defs\/(\w+)"/g)) visit(referred ?? '');
  };
  names.forEach(visit);
  return found;
}

function section(schema: Schema = {}, definitions: Definitions): string {
  const rows = rowsOf(schema, '', definitions);
  return `### ${schema.title}

${schema.description}

| key | type | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

function rowsOf(schema: Schema, path: string, definitions: Definitions): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const name = `${path}${key}`;
    const required = schema.required?.includes(key) === true;
    return [rowOf(name, value, { required, definitions }), ...innerRows(value, name, definitions)];
  });
}

/** The keys of what stands inside without a name of its own. */
function innerRows(schema: Schema, path: string, definitions: Definitions): readonly string[] {
  const { items, additionalProperties, oneOf = [] } = schema;
  return [
    ...rowsOf(schema, `${path}.`, definitions),
    ...(items === undefined ? [] : innerRows(items, `${path}[]`, definitions)),
    ...(typeof additionalProperties === 'object'
      ? innerRows(additionalProperties, `${path}.NAME`, definitions)
      : []),
    ...oneOf.flatMap((each) => innerRows(each, path, definitions)),
  ];
}

interface Around {
  readonly required: boolean;
  readonly definitions: Definitions;
}

function rowOf(name: string, schema: Schema, { required, definitions }: Around): string {
  const referred = definitions[schema.$ref?.replace('#/$defs/', '') ?? ''];
  const preset = schema.default ?? referred?.default;
  const { meaning, otherwise } = splitDefault(schema.description ?? referred?.description ?? '');
  const value = required ? 'required' : preset === undefined ? otherwise : code(preset);
  return row([`\`${name}\``, typeOf(schema, definitions), value, meaning]);
}

/** What an editor shows in one sentence stands in two columns here. */
function splitDefault(description: string): { readonly meaning: string; readonly otherwise: string } {
  const found = /; default:? (.+?)(?=\.$|\. |;)/.exec(description);
  return { meaning: description.replace(found?.[0] ?? '', ''), otherwise: found?.[1] ?? '' };
}

function valueRows(definitions: Definitions): string {
  const named = Object.entries(definitions).filter(([name]) =>
    typeOf({ $ref: name }, definitions).startsWith('['),
  );
  const rows = named.flatMap(([name, schema]) =>
    isSection(schema) ? [] : [row([`\`${name}\``, typeOf(schema, definitions), schema.description ?? ''])],
  );
  return `${rows.sort().join('\n')}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll(/[|*]/g, '\\$&')).join(' | ')} |`;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
