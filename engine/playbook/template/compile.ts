/** From the parser's statements to ours: texts, outputs, and the four blocks. What is not in the language is refused. */
import type { Place } from '../../base/diagnostic.ts';
import { ITEM } from '../schema-path.ts';
import type { AstBlock, AstContent, AstMustache, AstProgram, AstStatement } from './ast.ts';
import type { Compilation, Position } from './compile-expression.ts';
import { compileCall, compileExpression, originOf, placeOf, testedBy } from './compile-expression.ts';
import { findHelper } from './helpers.ts';
import type { Scope } from './scope.ts';
import type { ProblemText } from './source.ts';
import { errorAt } from './source.ts';
import type { Body, Expr, Part } from './syntax.ts';

/** Stands for an expression that was reported, so that the YAML around it is judged all the same. */
const REFUSED: Expr = { kind: 'literal', value: '' };

/** What surrounds a part of a template. */
type Surroundings = Omit<Position, 'absence'>;

export function compileProgram(program: AstProgram, to: Compilation): Body {
  const scope: Scope = { kind: 'root', parent: undefined, origin: undefined, params: [] };
  return compileBody(program, { scope, tested: [] }, to);
}

function compileBody(program: AstProgram | undefined, around: Surroundings, to: Compilation): Body {
  const parts = (program?.body ?? []).map((statement) => compileStatement(statement, around, to));
  return parts.filter((part) => part !== undefined);
}

function compileStatement(statement: AstStatement, around: Surroundings, to: Compilation): Part | undefined {
  switch (statement.type) {
    case 'ContentStatement':
      return compileText(statement, to);
    case 'MustacheStatement':
      return compileOutput(statement, around, to);
    case 'BlockStatement':
      return compileBlock(statement, around, to);
    case 'CommentStatement':
      return undefined;
    default:
      return refuse(
        placeOf(statement, to),
        'TemplateUnknownBlock',
        {
          message: 'partials and decorators are no part of the language',
          hint: 'write the part out, or make it a manifest of its own',
        },
        to,
      );
  }
}

function refuse(place: Place, code: string, text: ProblemText, to: Compilation): undefined {
  to.problems.push(errorAt(code, place, text));
  return undefined;
}

/** The offset of what is left when white space was taken away before it. */
function compileText(content: AstContent, to: Compilation): Part | undefined {
  const { value, original } = content;
  if (value === '') return undefined;
  const start = to.source.offsetOf(content.loc.start);
  const shift = to.source.text.startsWith(original, start) ? 0 : 1;
  const taken = /\S/.test(value) ? original.search(/\S/) - value.search(/\S/) : 0;
  return { kind: 'text', text: value, offset: start + shift + taken };
}

function compileOutput(output: AstMustache, around: Surroundings, to: Compilation): Part | undefined {
  const place = placeOf(output, to);
  if (!output.escaped) {
    const message = '{{{ }}} and {{& }} are not used: nothing is escaped here';
    return refuse(place, 'TemplateUnknownBlock', { message, hint: 'write {{ }}' }, to);
  }
  const value = compileCall(output, { ...around, absence: 'strict' }, to);
  const source = to.source.excerpt(output.loc.start, output.loc.end);
  const offset = to.source.offsetOf(output.loc.start);
  return { kind: 'output', value: value ?? REFUSED, source, offset, place };
}

function compileBlock(block: AstBlock, around: Surroundings, to: Compilation): Part | undefined {
  const name = block.path.type === 'PathExpression' ? block.path.original : '';
  switch (name) {
    case 'if':
    case 'unless':
      return compileIf(block, around, to);
    case 'each':
      return compileEach(block, around, to);
    case 'with':
      return compileWith(block, around, to);
    default: {
      const message =
        findHelper(name) === undefined ? `${name} is no block` : `${name} is a helper and no block`;
      return refuse(
        placeOf(block, to),
        'TemplateUnknownBlock',
        { message, hint: 'blocks are if, unless, each, with' },
        to,
      );
    }
  }
}

function compileIf(block: AstBlock, around: Surroundings, to: Compilation): Part | undefined {
  const negated = block.path.type === 'PathExpression' && block.path.original === 'unless';
  const condition = compileArgument(block, { ...around, absence: 'condition' }, to);
  const there = { ...around, tested: [...around.tested, ...testedBy(condition)] };
  const body = compileBody(block.program, negated ? around : there, to);
  const otherwise = compileBody(block.inverse, negated ? there : around, to);
  refuseParams(block, 0, to);
  return {
    kind: 'if',
    condition: condition ?? REFUSED,
    negated,
    includeZero: includesZero(block, to),
    body,
    otherwise,
    place: placeOf(block, to),
  };
}

/** `includeZero=true` is the one named argument there is. */
function includesZero(block: AstBlock, to: Compilation): boolean {
  const pairs = block.hash?.pairs ?? [];
  const [pair] = pairs;
  if (pair === undefined) return false;
  const { key, value } = pair;
  if (pairs.length === 1 && key === 'includeZero' && value.type === 'BooleanLiteral')
    return value.value === true;
  const text = { message: `if takes no argument ${key}`, hint: 'the only one is includeZero=true' };
  refuse(placeOf(pair, to), 'TemplateArguments', text, to);
  return false;
}

function compileEach(block: AstBlock, around: Surroundings, to: Compilation): Part | undefined {
  const list = compileArgument(block, { ...around, absence: absenceFor(block) }, to);
  const origin = originOf(list);
  const scope: Scope = {
    kind: 'each',
    parent: around.scope,
    origin: origin && { ...origin, exact: false, full: origin.full && [...origin.full, ITEM] },
    params: refuseParams(block, 2, to),
  };
  const body = compileBody(block.program, { ...around, scope }, to);
  const otherwise = compileBody(block.inverse, around, to);
  refuseHash(block, to);
  return { kind: 'each', list: list ?? REFUSED, body, otherwise, place: placeOf(block, to) };
}

function compileWith(block: AstBlock, around: Surroundings, to: Compilation): Part | undefined {
  const value = compileArgument(block, { ...around, absence: absenceFor(block) }, to);
  const params = refuseParams(block, 1, to);
  const scope: Scope = { kind: 'with', parent: around.scope, origin: originOf(value), params };
  const body = compileBody(
    block.program,
    { ...around, scope, tested: [...around.tested, ...testedBy(value)] },
    to,
  );
  const otherwise = compileBody(block.inverse, around, to);
  refuseHash(block, to);
  return { kind: 'with', value: value ?? REFUSED, body, otherwise, place: placeOf(block, to) };
}

/** An else says what to do without the value; else its absence is a problem like any other. */
function absenceFor(block: AstBlock): Position['absence'] {
  return block.inverse === undefined ? 'strict' : 'condition';
}

function compileArgument(block: AstBlock, position: Position, to: Compilation): Expr | undefined {
  const [argument, second] = block.params;
  if (argument !== undefined && second === undefined) return compileExpression(argument, position, to);
  const name = block.path.type === 'PathExpression' ? block.path.original : 'a block';
  const message = `${name} takes one argument, and got ${block.params.length}`;
  const hint =
    second === undefined ? `{{#${name} spec.value}}` : `put a call in parentheses: {{#${name} (eq a b)}}`;
  refuse(placeOf(block, to), 'TemplateArguments', { message, hint }, to);
  return undefined;
}

function refuseHash(block: AstBlock, to: Compilation): void {
  const [pair] = block.hash?.pairs ?? [];
  if (pair === undefined) return;
  refuse(
    placeOf(pair, to),
    'TemplateArguments',
    { message: `named arguments (${pair.key}=…) are not taken` },
    to,
  );
}

/** The names after `as`, when there are no more than the block has to give. */
function refuseParams(block: AstBlock, most: number, to: Compilation): readonly string[] {
  const params = [...(block.program?.blockParams ?? []), ...(block.inverse?.blockParams ?? [])];
  if (params.length <= most) return params;
  const message = `this block has ${most === 0 ? 'no values' : `only ${most} value${most > 1 ? 's' : ''}`} to name by as`;
  refuse(placeOf(block, to), 'TemplateArguments', { message }, to);
  return params.slice(0, most);
}
