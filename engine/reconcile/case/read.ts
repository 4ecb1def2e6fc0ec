/** *.case.yaml → Case, or every problem with its place. */

import schema from '../../../schemas/case.schema.json' with { type: 'json' };
import { type Diagnostic, type Place, sortDiagnostics } from '../../base/diagnostic.ts';
import { applyDefaults } from '../../kube/defaults.ts';
import { gvkOf, type Json, type KubeObject } from '../../kube/object.ts';
import type { SchemaLookup } from '../../kube/schema.ts';
import { asJson, isJsonObject } from '../../kube/value.ts';
import { checkResource } from '../../playbook/check-resource.ts';
import { LoadDocument } from '../../playbook/load-node.ts';
import { Problems } from '../../playbook/load-problems.ts';
import { checkAgainstSchema } from '../../playbook/watches-schema.ts';
import { parseYaml, type YamlDocument } from '../../playbook/yaml.ts';
import type { Case, CaseChange, CaseStep, Expectation } from './model.ts';

export type CaseReading =
  | { readonly kind: 'read'; readonly cases: readonly Case[] }
  | { readonly kind: 'refused'; readonly problems: readonly Diagnostic[] };

/** What the schema has judged; the one place where its verdict becomes a type. */
interface CaseText {
  readonly name?: string;
  readonly resource: KubeObject;
  readonly now?: string;
  readonly observe?: Readonly<Record<string, readonly KubeObject[]>>;
  readonly probes?: Case['probes'];
  readonly objects?: readonly KubeObject[];
  readonly expect?: Expectation;
  readonly steps?: readonly {
    readonly name?: string;
    readonly change?: CaseChange;
    readonly expect: Expectation;
  }[];
}

const DEFAULT_START = '2026-01-01T00:00:00Z';

/** A file may hold several cases, one a document. */
export function readCases(file: string, text: string, schemaOf: SchemaLookup): CaseReading {
  const parsed = parseYaml({ file, text });
  if (parsed.kind === 'refused') return { kind: 'refused', problems: parsed.problems };
  const problems = new Problems();
  const cases = parsed.documents.flatMap((document) => {
    const source = new LoadDocument(file, text, document);
    if (!checkAgainstSchema(schema, source, document.value, problems)) return [];
    const given = judged(document.value);
    checkGiven(given.resource, { document, schemaOf, problems });
    const listed = isJsonObject(document.value) && 'steps' in document.value;
    const stepPlace = (index: number): Place =>
      listed ? document.placeOf(['steps', index]) : document.placeOf(['expect'], 'key');
    const placeOf: Around['placeOf'] = (index, path) =>
      document.placeOf([...(listed ? ['steps', index] : []), 'expect', ...path], 'key');
    return [toCase(file, given, { schemaOf, stepPlace, placeOf })];
  });
  return problems.all.length > 0
    ? { kind: 'refused', problems: sortDiagnostics(problems.all) }
    : { kind: 'read', cases };
}

/** A resource that the API server would refuse shows nothing about the playbook. */
function checkGiven(
  resource: KubeObject,
  {
    document,
    schemaOf,
    problems,
  }: { readonly document: YamlDocument; readonly schemaOf: SchemaLookup; readonly problems: Problems },
): void {
  const schemaNode = schemaOf(gvkOf(resource));
  if (schemaNode === undefined) return;
  const { kind } = resource;
  checkResource({ document, at: ['resource'], kind, schema: schemaNode }, 'error', problems);
}

/** The JSON Schema of cases has just judged the value. */
function judged(value: Json): CaseText {
  return value as unknown as CaseText;
}

interface Around {
  readonly schemaOf: SchemaLookup;
  readonly stepPlace: (index: number) => Place;
  /** Of a part of what a step expects. */
  readonly placeOf: (index: number, path: readonly (string | number)[]) => Place;
}

function toCase(file: string, text: CaseText, { schemaOf, stepPlace, placeOf }: Around): Case {
  const stem = file.replace(/^.*\//, '').replace(/\.case\.yaml$/, '');
  const steps: CaseText['steps'] = text.steps ?? (text.expect === undefined ? [] : [{ expect: text.expect }]);
  return {
    name: text.name ?? stem,
    file,
    resource: withDefaults(text.resource, schemaOf),
    now: Date.parse(text.now ?? DEFAULT_START),
    observe: text.observe ?? {},
    probes: text.probes ?? {},
    objects: text.objects ?? [],
    listed: text.steps !== undefined,
    steps: steps.map(
      (step, index): CaseStep => ({
        name: step.name ?? `step ${index + 1}`,
        place: stepPlace(index),
        placeOf: (path) => placeOf(index, path),
        change: step.change ?? {},
        expect: step.expect,
      }),
    ),
  };
}

/** As the API server stores it. */
export function withDefaults(resource: KubeObject, schemaOf: SchemaLookup): KubeObject {
  const schemaNode = schemaOf(gvkOf(resource));
  if (schemaNode === undefined) return resource;
  const tree = asJson(resource);
  if (!isJsonObject(tree)) return resource;
  const filled = applyDefaults(tree, schemaNode);
  return { ...resource, ...filled };
}
