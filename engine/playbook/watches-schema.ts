/**
 * The shape of watches.yaml, judged by the same JSON Schema that editors read. Each finding becomes a Diagnostic with
 * the place in the file and what to do.
 */

import schema from '../../schemas/watches.schema.json' with { type: 'json' };
import type { Json } from '../kube/object.ts';
import { type ErrorObject, schemaErrors } from './json-schema.ts';
import { type LoadDocument, type LoadNode, nodeAt } from './load-node.ts';
import type { Problems } from './load-problems.ts';
import { otherKey, otherType } from './other-words.ts';
import { didYouMean } from './suggest.ts';

/** Nouns of the language that this version does not carry out yet. */
const LATER_NOUNS = ['admission', 'conversion'];

/** What these find is reported by what stands in them. */
const TOLD_BY_OTHERS = ['propertyNames', 'if'];

/** Reports every key and value of watches.yaml that the schema does not allow. True: there is none. */
export function checkWatchesSchema(document: LoadDocument, value: Json, problems: Problems): boolean {
  return checkAgainstSchema(schema, document, value, problems);
}

/** The same for a file with another schema of ours (golden cases). */
export function checkAgainstSchema(
  rules: object,
  document: LoadDocument,
  value: Json,
  problems: Problems,
): boolean {
  const errors = schemaErrors(rules, value);
  for (const error of errors) report(error, document, problems);
  return errors.length === 0;
}

function report(error: ErrorObject, document: LoadDocument, problems: Problems): void {
  const node = nodeAt(document, pointerSteps(error.instancePath));
  const finding = { document, node, problems };
  if (error.propertyName !== undefined) reportName(error, error.propertyName, finding);
  else if (error.keyword === 'additionalProperties') reportUnknownKey(error, finding);
  else if (error.keyword === 'required') problems.error('MissingKey', node.place, missingKey(error));
  else if (error.keyword === 'type') problems.error('WrongType', node.place, wrongType(error, node));
  else if (!TOLD_BY_OTHERS.includes(error.keyword)) problems.error('BadValue', node.place, badValue(error));
}

interface Finding {
  readonly document: LoadDocument;
  readonly node: LoadNode;
  readonly problems: Problems;
}

function reportName(error: ErrorObject, name: string, { document, node, problems }: Finding): void {
  const entry = document.entries(node).find((each) => each.name === name);
  if (error.keyword !== 'pattern') return;
  problems.error('BadName', entry?.keyPlace ?? node.place, {
    message: `${quoted(name)} can't be said in an expression`,
    hint: 'use letters, digits and underscores, a letter first',
  });
}

function reportUnknownKey(error: ErrorObject, { document, node, problems }: Finding): void {
  const name = String(error.params.additionalProperty);
  const place = document.entries(node).find((each) => each.name === name)?.keyPlace ?? node.place;
  if (LATER_NOUNS.includes(name) && error.parentSchema?.title === 'Watch') {
    const hint = 'remove it, or use a version of Libretto that has it';
    problems.error('NounNotAvailable', place, { message: `${name} is not available in this version`, hint });
    return;
  }
  const known = propertyNames(error.parentSchema);
  problems.error('UnknownKey', place, {
    message: `${quoted(name)} is not a key here`,
    hint: otherKey(name, known) ?? didYouMean(name, known),
  });
}

function missingKey(error: ErrorObject): { message: string; hint?: string } {
  const name = String(error.params.missingProperty);
  const about = descriptionOf(error.parentSchema, name);
  return {
    message: `the key ${name} is missing`,
    ...(about === undefined ? {} : { hint: `${name}: ${about}` }),
  };
}

function wrongType(error: ErrorObject, node: LoadNode): { message: string; hint?: string } {
  const wanted = [error.params.type].flat().map((type) => article(String(type)));
  const found = article(typeName(node));
  const text =
    wanted.length === 1 &&
    wanted[0] === 'a string' &&
    node.yaml.kind === 'scalar' &&
    node.yaml.value !== null;
  return {
    message: `this must be ${wanted.join(' or ')}, and is ${found}`,
    ...(text ? { hint: 'put it in quotes' } : hintOf(error)),
  };
}

function badValue(error: ErrorObject): { message: string; hint?: string } {
  const value = typeof error.data === 'object' ? 'this' : JSON.stringify(error.data);
  switch (error.keyword) {
    case 'enum': {
      const allowed: unknown[] = Array.isArray(error.schema) ? error.schema : [];
      const [word, words] = [String(error.data), allowed.map(String)];
      const hint = otherType(word, words) ?? didYouMean(word, words);
      return {
        message: `${value} is not one of ${allowed.join(', ')}`,
        ...(hint === undefined ? {} : { hint }),
      };
    }
    case 'const':
      return {
        message: `${value} is not ${JSON.stringify(error.schema)}`,
        hint: `write ${String(error.schema)}`,
      };
    case 'minItems':
      return { message: 'the list is empty', ...hintOf(error) };
    case 'minLength':
      return { message: 'the text is empty', ...hintOf(error) };
    default:
      return { message: `${value} ${error.message ?? 'is not allowed here'}`, ...hintOf(error) };
  }
}

function hintOf(error: ErrorObject): { hint?: string } {
  const description: unknown = error.parentSchema?.description;
  return typeof description === 'string' ? { hint: description } : {};
}

function descriptionOf(parent: ErrorObject['parentSchema'], name: string): string | undefined {
  const property: unknown = Object(parent?.properties)[name];
  const description: unknown = Object(property).description;
  return typeof description === 'string' ? description : undefined;
}

function propertyNames(parent: ErrorObject['parentSchema']): readonly string[] {
  return Object.keys(Object(parent?.properties));
}

function typeName(node: LoadNode): string {
  if (node.yaml.kind === 'map') return 'object';
  if (node.yaml.kind === 'list') return 'array';
  return node.yaml.value === null ? 'null' : typeof node.yaml.value;
}

/** YAML's own words for JSON's types. */
function article(type: string): string {
  switch (type) {
    case 'array':
      return 'a list';
    case 'object':
      return 'a map';
    case 'integer':
      return 'a whole number';
    case 'null':
      return 'empty';
    default:
      return `a ${type}`;
  }
}

function pointerSteps(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
