/** Conditions that a reader may take for something else, told from the schema of what they test. */
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { SchemaNode } from '../../kube/schema.ts';
import type { Reference } from '../language.ts';
import { warningAt } from './source.ts';
import type { Body, IfBlock } from './syntax.ts';

export function lintConditions(
  body: Body,
  schemaOf: (reference: Reference) => SchemaNode | undefined,
): Diagnostic[] {
  return body.flatMap((part) => {
    if (part.kind === 'text' || part.kind === 'output') return [];
    const here = part.kind === 'if' ? lintCondition(part, schemaOf) : [];
    return [...here, ...lintConditions(part.body, schemaOf), ...lintConditions(part.otherwise, schemaOf)];
  });
}

function lintCondition(
  { condition }: IfBlock,
  schemaOf: (reference: Reference) => SchemaNode | undefined,
): Diagnostic[] {
  if (condition.kind !== 'path' || condition.reference === undefined || condition.origin?.exact !== true)
    return [];
  if (schemaOf(condition.reference)?.type !== 'object') return [];
  const message = `${condition.text} is an object, and an empty object counts as true here (in JSONata as false)`;
  const hint = 'test a field of it';
  return [warningAt('TemplateObjectCondition', condition.place, { message, hint })];
}
