/** Builders for the tests of expressions. */
import { expect } from 'vitest';
import {
  type CompiledExpression,
  compileExpression,
  type ExpressionInput,
} from '../../engine/playbook/expression.ts';
import type { Context, Evaluation, Expression } from '../../engine/playbook/language.ts';

export const PLACE = { file: 'watches.yaml', line: 7, column: 11 };

export function compile(source: string, options: Partial<ExpressionInput> = {}): CompiledExpression {
  return compileExpression({ source, place: PLACE, ...options });
}

export function compiled(source: string, options: Partial<ExpressionInput> = {}): Expression {
  const result = compile(source, options);
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.problems));
  return result.expression;
}

export function evaluate(
  source: string,
  context: Context = {},
  options: Partial<ExpressionInput> = {},
): Promise<Evaluation> {
  return compiled(source, options).evaluate(context);
}

/** The value; `undefined` for missing. Fails on an error. */
export async function resultOf(
  source: string,
  context: Context = {},
  options: Partial<ExpressionInput> = {},
): Promise<unknown> {
  const evaluation = await evaluate(source, context, options);
  if (evaluation.kind === 'error') expect.fail(evaluation.problem.message);
  return evaluation.kind === 'value' ? evaluation.value : undefined;
}

/** The codes of what is refused, in order. */
export function refusals(source: string, options: Partial<ExpressionInput> = {}): readonly string[] {
  const result = compile(source, options);
  return result.kind === 'refused'
    ? result.problems.filter((p) => p.severity === 'error').map((p) => p.code)
    : [];
}

export function warnings(source: string, options: Partial<ExpressionInput> = {}): readonly string[] {
  const result = compile(source, options);
  return result.kind === 'compiled' ? result.warnings.map((warning) => warning.code) : ['refused'];
}

/** `children.db.status` and, where guarded, `children.db.status?`. */
export function references(source: string): readonly string[] {
  return compiled(source).references.map(
    ({ root, path, guarded }) => [root, ...path].join('.') + (guarded ? '?' : ''),
  );
}

export function pod(name: string, phase: string): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, status: { phase } };
}

export function deployment(ready: number, wanted: number): Record<string, unknown> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'db', generation: 2 },
    spec: { replicas: wanted },
    status: {
      observedGeneration: 2,
      ...{ replicas: wanted, updatedReplicas: wanted, readyReplicas: ready, availableReplicas: ready },
      conditions: [{ type: 'Available', status: ready === wanted ? 'True' : 'False' }],
    },
  };
}
