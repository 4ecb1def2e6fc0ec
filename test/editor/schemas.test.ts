/** What an editor shows to one who writes a playbook: the real language server, with the schemas that the scaffold brings. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { libretto } from '../cli/libretto.ts';
import { CURSOR, type LanguageServer, startLanguageServer } from './language-server.ts';
import { shippedFiles } from './shipped.ts';

let server: LanguageServer;
let folder: string;
let watches: string;
let golden: string;

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'libretto-editor-'));
  folder = join(root, 'myapp');
  const made = await libretto(
    ...['create', 'api', '--group=app', '--version=v1', '--kind=MyApp', '--output', folder],
  );
  expect(made).toMatchObject({ code: 0, err: '' });
  watches = await readFile(join(folder, 'watches.yaml'), 'utf8');
  golden = await readFile(join(folder, 'myapp.case.yaml'), 'utf8');
  server = await startLanguageServer();
  return async () => rm(root, { recursive: true });
});

afterAll(() => server.stop());

const WATCHES = '# yaml-language-server: $schema=.schemas/watches.schema.json\n';
const CASE = '# yaml-language-server: $schema=.schemas/case.schema.json\n';
const HEAD = 'group: app.example.com\n  version: v1\n  kind: Site\n';
const LONG = 'apiVersion: libretto.dev/v1alpha1\nkind: Playbook\nwatches:\n';
const RESOURCE = 'resource: {apiVersion: app.example.com/v1, kind: Site, metadata: {name: one}}\n';

/** The rest of one watch, in both forms. */
const FORMS = [
  ['short', (rest: string) => `${WATCHES}- ${HEAD}${rest}`],
  ['long', (rest: string) => `${WATCHES}${LONG}- ${HEAD}${rest}`],
] as const;

function watchesProblems(text: string) {
  return server.problems(join(folder, 'watches.yaml'), text);
}

function caseProblems(text: string) {
  return server.problems(join(folder, 'site.case.yaml'), text);
}

/** The line, from 1, of the mark ◀, and the text without it. */
function marked(text: string): { readonly line: number; readonly text: string } {
  const before = text.slice(0, text.indexOf('◀'));
  return { line: before.split('\n').length, text: text.replace('◀', '') };
}

describe.concurrent('an editor with the files of libretto create api', () => {
  it('finds nothing wrong in them', async () => {
    expect(await watchesProblems(watches)).toEqual([]);
    expect(await server.problems(join(folder, 'myapp.case.yaml'), golden)).toEqual([]);
  });

  it('marks what is added to them in error', async () => {
    const line = watches.split('\n').length;
    expect(await watchesProblems(`${watches}  helth: {}\n`)).toEqual([
      { line, message: 'Property helth is not allowed.' },
    ]);
    const last = golden.split('\n').length;
    expect(await server.problems(join(folder, 'myapp.case.yaml'), `${golden}expct: {}\n`)).toEqual([
      { line: last, message: 'Property expct is not allowed.' },
    ]);
  });
});

const MISTAKES: readonly (readonly [string, string, RegExp])[] = [
  ['an unknown key', '  manifest: [a.yaml]◀\n', /manifest is not allowed/],
  ['an unknown key of an entry', '  manifests:\n  - file: a.yaml\n    wen: x◀\n', /wen is not allowed/],
  ['a wrong type', '  manifests:\n  - file: a.yaml\n    force: sometimes◀\n', /Expected "boolean"/],
  ['a number for a text', '  manifests:\n  - file: 7◀\n', /Expected "string"/],
  ['a wrong value', '  manifests:\n  - file: a.yaml\n    policy: Aply◀\n', /"CreateOnly", "Patch"/],
  ['an entry without file', '  manifests:\n  - when: x◀\n', /Missing property "file"/],
  ['a health rule without when', '  health:\n    Ready: {reason: Bad}◀\n', /Missing property "when"/],
  ['an action without steps', '  actions:\n    a: {on: {create: true}}◀\n', /Missing property "steps"/],
  [
    'an unknown trigger',
    '  actions:\n    a:\n      on: {shedule: x}◀\n      steps: [{wait: x}]\n',
    /shedule is not/,
  ],
  [
    'a wrong value of a step',
    '  actions:\n    a:\n      steps:\n      - http:\n          url: http://x\n          method: GIT◀\n',
    /"GET", "HEAD"/,
  ],
  ['an unknown type in schema', '  schema:\n    spec:\n      size: integr◀\n', /"integer"/],
  ['an unknown type of a list', '  schema:\n    spec:\n      tags: [strin]◀\n', /"string"/],
  ['an unknown key of a field', '  schema:\n    spec:\n      size: {typ: string}◀\n', /typ is not allowed/],
  ['a schema without spec', '  schema: {status: {}}◀\n', /Missing property "spec"/],
];

describe.concurrent.each(FORMS)('an editor with watches.yaml in its %s form', (_, form) => {
  it.each(MISTAKES)('marks %s where it stands', async (_, rest, message) => {
    const { line, text } = marked(form(rest));
    expect(await watchesProblems(text)).toEqual([{ line, message: expect.stringMatching(message) }]);
  });

  it('marks all mistakes at once', async () => {
    const { text } = marked(form('  manifests: [{file: 1}]\n  unselected: No\n  vars: []\n'));
    const first = text.split('\n').findIndex((line) => line.startsWith('  manifests')) + 1;
    expect((await watchesProblems(text)).map(({ line }) => line)).toEqual([first, first + 1, first + 2]);
  });

  it.each([
    [
      'a watch',
      `  man${CURSOR}\n`,
      { manifests: /children to keep/, actions: /done once/, schema: /kind in short/ },
    ],
    [
      'an entry of manifests',
      `  manifests:\n  - file: a.yaml\n    ${CURSOR}\n`,
      { when: /false removes the child/, waitFor: /not true/, policy: /CreateOnly/, onImmutable: /Recreate/ },
    ],
    [
      'a step',
      `  actions:\n    a:\n      steps:\n      - ${CURSOR}\n`,
      { job: /template of a Job/, wait: /done when it is true/, exec: /running pod/, retries: /attempts/ },
    ],
    [
      'on',
      `  actions:\n    a:\n      on:\n        ${CURSOR}\n      steps: [{wait: x}]\n`,
      { create: /when it is new/, schedule: /cron/, when: /a run starts/, request: /ActionRun/ },
    ],
    [
      'a health rule',
      `  health:\n    Ready:\n      ${CURSOR}\n`,
      { when: /condition is True/, reason: /PascalCase/, message: /not True/ },
    ],
    [
      'a probe',
      `  probes:\n    lag:\n      ${CURSOR}\n`,
      { exec: /running pod/, every: /How often/, parse: /json/ },
    ],
    [
      'a field of schema',
      `  schema:\n    spec:\n      size:\n        ${CURSOR}\n`,
      { type: /quantity/, immutable: /can't be changed/, min: /Smallest/, fields: /by name/ },
    ],
  ])('offers the keys of %s, each with what it is for', async (_, rest, wanted) => {
    const offers = await server.offers(join(folder, 'watches.yaml'), form(rest));
    const found = Object.fromEntries(offers.map(({ label, about }) => [label, about]));
    const expected = Object.entries(wanted).map(([key, about]) => [key, expect.stringMatching(about)]);
    expect(found).toMatchObject(Object.fromEntries(expected));
  });

  it('offers no key that does not belong there', async () => {
    const rest = `  actions:\n    a:\n      on:\n        ${CURSOR}\n      steps: [{wait: x}]\n`;
    const offers = await server.offers(join(folder, 'watches.yaml'), form(rest));
    expect(offers.map(({ label }) => label).sort()).toEqual(
      ['create', 'delete', 'for', 'jitter', 'request', 'schedule', 'suspend', 'timeZone', 'when'].sort(),
    );
  });

  it.each([
    ['policy', `  manifests:\n  - file: a.yaml\n    policy: ${CURSOR}\n`, ['Apply', 'CreateOnly', 'Patch']],
    ['namespaces', `  manifests:\n  - file: a.yaml\n    namespaces: ${CURSOR}\n`, ['Any', 'Own']],
    [
      'a field of schema',
      `  schema:\n    spec:\n      size: ${CURSOR}\n`,
      ['any', 'boolean', 'intOrString', 'integer', 'number', 'object', 'quantity', 'string'],
    ],
  ])('offers the values of %s', async (_, rest, values) => {
    const offers = await server.offers(join(folder, 'watches.yaml'), form(rest));
    expect(offers.map(({ label }) => label).sort()).toEqual(values);
  });

  it.each([
    ['a noun', `  man${CURSOR}ifests: []\n`, /The children to keep as described/],
    ['a shared sort of value', `  manifests:\n  - {file: a, wh${CURSOR}en: x}\n`, /false removes the child/],
    ['a trigger', `  actions: {a: {on: {sched${CURSOR}ule: x}}}\n`, /A cron line of five fields/],
    [
      'a step',
      `  actions:\n    a:\n      steps: [{wait: x, time${CURSOR}out: 1m}]\n`,
      /one attempt may take/,
    ],
    ['a health rule', `  health: {Ready: {reas${CURSOR}on: A}}\n`, /while it is not True/],
    ['the fields of schema', `  schema: {sp${CURSOR}ec: {}}\n`, /What a user may write/],
    ['a field of schema', `  schema: {spec: {a: {type: string, immut${CURSOR}able: true}}}\n`, /Once set/],
  ])('explains %s', async (_, rest, about) => {
    expect(await server.hover(join(folder, 'watches.yaml'), form(rest))).toMatch(about);
  });
});

describe.concurrent('an editor with watches.yaml', () => {
  it('marks a key that is missing from a watch or from the long form', async () => {
    expect(await watchesProblems(`${WATCHES}- group: a\n  version: v1\n`)).toEqual([
      { line: 2, message: 'Missing property "kind".' },
    ]);
    expect(await watchesProblems(`${WATCHES}kind: Playbook\nwatches:\n- ${HEAD}`)).toEqual([
      { line: 2, message: 'Missing property "apiVersion".' },
    ]);
  });

  it('offers the keys of each form in its own place', async () => {
    const long = await server.offers(
      join(folder, 'watches.yaml'),
      `${WATCHES}${LONG.slice(0, 50)}\n${CURSOR}`,
    );
    expect(long.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['metadata', 'requires', 'watches']),
    );
    const short = await server.offers(join(folder, 'watches.yaml'), `${WATCHES}- ${HEAD}  ${CURSOR}\n`);
    expect(short.map(({ label }) => label)).toEqual(expect.arrayContaining(['manifests', 'health']));
    expect(short.map(({ label }) => label)).not.toContain('requires');
  });
});

describe.concurrent('an editor with a golden case', () => {
  it.each([
    ['an unknown key', `${RESOURCE}expect:\n  outcom: done◀\n`, /outcom is not allowed/],
    ['a wrong value', `${RESOURCE}expect:\n  outcome: finished◀\n`, /"done", "pending"/],
    ['a wrong type', `${RESOURCE}steps:\n- change: {seconds: ten}◀\n  expect: {}\n`, /Expected "number"/],
    ['a step without expect', `${RESOURCE}steps:\n- name: it is created◀\n`, /Missing property "expect"/],
    ['a case without resource', 'name: a case◀\nexpect: {}\n', /Missing property "resource"/],
    ['a status that is no text', `${RESOURCE}expect:\n  conditions:\n    Ready: true◀\n`, /"True", "False"/],
  ])('marks %s where it stands', async (_, rest, message) => {
    const { line, text } = marked(`${CASE}${rest}`);
    expect(await caseProblems(text)).toEqual([{ line, message: expect.stringMatching(message) }]);
  });

  it.each([
    ['a case', `${RESOURCE}${CURSOR}`, { steps: /step by step/, now: /begins/, objects: /of others/ }],
    ['a step', `${RESOURCE}steps:\n- ${CURSOR}`, { change: /world/, expect: /must hold/, name: /happens/ }],
    [
      'a change',
      `${RESOURCE}steps:\n- change:\n    ${CURSOR}\n`,
      { ready: /Current/, resource: /merge patch/, answers: /come to/, seconds: /time passes/ },
    ],
    [
      'what is expected',
      `${RESOURCE}expect:\n  ${CURSOR}\n`,
      { children: /by id/, conditions: /By type/, outcome: /pending/, writes: /in order/ },
    ],
  ])('offers the keys of %s, each with what it is for', async (_, rest, wanted) => {
    const offers = await server.offers(join(folder, 'site.case.yaml'), `${CASE}${rest}`);
    const found = Object.fromEntries(offers.map(({ label, about }) => [label, about]));
    const expected = Object.entries(wanted).map(([key, about]) => [key, expect.stringMatching(about)]);
    expect(found).toMatchObject(Object.fromEntries(expected));
  });

  it('explains a key', async () => {
    const text = `${CASE}${RESOURCE}steps:\n- change: {rea${CURSOR}dy: all}\n  expect: {}\n`;
    expect(await server.hover(join(folder, 'site.case.yaml'), text)).toMatch(/Children whose controllers/);
  });

  it('reads each case of a file by a line of its own', async () => {
    const wrong = `${RESOURCE}expect: {a: b}\n`;
    expect(await caseProblems(`${CASE}${wrong}---\n${CASE}${wrong}`)).toMatchObject([
      { line: 3 },
      { line: 7 },
    ]);
  });
});

describe.concurrent('an editor with a shipped playbook', () => {
  it.each(shippedFiles())('finds nothing wrong in $name', async ({ path, text }) => {
    expect(await server.problems(path, text)).toEqual([]);
  });
});
