/**
 * Comparisons of a field with a literal that its schema leaves out, in an expression that may well hold otherwise:
 * `spec.mode in ["fast", "sfe"]`, `spec.tls or spec.size > 20`. Only fields are judged: that a var is constant may be meant.
 */
import { describeRange } from '../kube/range.ts';
import { type AstNode, childrenOf, sides } from './expression-ast.ts';
import type { Finding } from './expression-names.ts';
import { couldEqual, isNeverTrue, pathOf, possibleValues } from './expression-possible.ts';
import { pathText } from './expression-references.ts';
import type { KnownPaths, Possible } from './language.ts';

/** None where the expression as a whole is never true, which is told with what follows from it. */
export function impossibleComparisons(root: AstNode, known: KnownPaths): readonly Finding[] {
  return isNeverTrue(possibleValues(root, known)) ? [] : comparisonsIn(root, known);
}

/** Inside of paths, filters and functions names belong to something else than the context. */
function comparisonsIn(node: AstNode, known: KnownPaths): readonly Finding[] {
  if (node.type === 'path' || node.type === 'lambda' || node.type === 'transform') return [];
  if (node.type === 'bind' || node.type === 'apply' || node.type === 'sort') return [];
  const { stages: _stages, predicate: _predicate, group: _group, ...plain } = node;
  const own = node.type === 'binary' ? ofComparison(node, known) : [];
  return [...own, ...childrenOf(plain).flatMap((child) => comparisonsIn(child, known))];
}

function ofComparison(node: AstNode, known: KnownPaths): readonly Finding[] {
  const [left, right] = sides(node);
  if (left === undefined || right === undefined) return [];
  switch (node.value) {
    case 'in':
      return literalsOf(right).flatMap((item) => unequal(left, item, known));
    case '=':
    case '!=':
      return isLiteral(left) ? unequal(right, left, known) : unequal(left, right, known);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return unordered(node, isLiteral(left) ? right : left, known);
    default:
      return [];
  }
}

function unequal(field: AstNode, literal: AstNode, known: KnownPaths): readonly Finding[] {
  const read = fieldOf(field, known);
  if (read === undefined || !isLiteral(literal)) return [];
  if (couldEqual(read.possible, possibleValues(literal, known))) return [];
  const message = `${read.text} is never ${JSON.stringify(literal.value)}`;
  return [{ node: literal, ...WARNING, message, hint: read.hint }];
}

function unordered(node: AstNode, field: AstNode, known: KnownPaths): readonly Finding[] {
  const read = fieldOf(field, known);
  if (read === undefined || !sides(node).some(isLiteral) || !isNeverTrue(possibleValues(node, known)))
    return [];
  const message = `this comparison with ${read.text} is never true`;
  return [{ node, ...WARNING, message, hint: read.hint }];
}

const WARNING = { code: 'ComparisonNeverTrue', severity: 'warning' } as const;

interface Field {
  readonly text: string;
  readonly possible: Possible;
  readonly hint: string;
}

function fieldOf(node: AstNode, known: KnownPaths): Field | undefined {
  const path = pathOf(node);
  const possible = path === undefined || path.root === 'vars' ? undefined : known(path);
  if (path === undefined || possible === undefined) return undefined;
  const text = pathText(path);
  return { text, possible, hint: `${text} is ${describe(possible)}` };
}

function describe({ values, range, type }: Possible): string {
  if (values !== undefined) return `one of ${values.map(String).join(', ')}`;
  return range === undefined ? `a ${type ?? 'value of another type'}` : describeRange(range);
}

function literalsOf(list: AstNode): readonly AstNode[] {
  return list.type === 'unary' && list.value === '[' ? (list.expressions ?? []) : [list];
}

function isLiteral({ type }: AstNode): boolean {
  return type === 'string' || type === 'number' || type === 'value';
}
