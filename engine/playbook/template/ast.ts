/**
 * Handlebars as a parser and nothing else: the only module that imports it. It yields the syntax tree, or the one
 * place where parsing stopped, with a hint for the traps of `{{ }}` in YAML.
 */
import Handlebars from 'handlebars';
import { errorMessage } from '../../base/errors.ts';

/** Line from 1, column from 0, as Handlebars counts. */
export interface AstPosition {
  readonly line: number;
  readonly column: number;
}

interface AstNode {
  readonly loc: { readonly start: AstPosition; readonly end: AstPosition };
}

export interface AstProgram {
  readonly body: readonly AstStatement[];
  readonly blockParams?: readonly string[];
}

export type AstStatement = AstContent | AstMustache | AstBlock | AstOther;

/** `original` before white space around block lines was taken away, `value` after. */
export interface AstContent extends AstNode {
  readonly type: 'ContentStatement';
  readonly value: string;
  readonly original: string;
}

export interface AstCall extends AstNode {
  readonly path: AstExpression;
  readonly params: readonly AstExpression[];
  readonly hash?: AstHash;
}

export interface AstMustache extends AstCall {
  readonly type: 'MustacheStatement';
  readonly escaped: boolean;
}

export interface AstBlock extends AstCall {
  readonly type: 'BlockStatement';
  /** Absent in `{{^if x}}…{{/if}}`. */
  readonly program?: AstProgram;
  readonly inverse?: AstProgram;
}

interface AstOther extends AstNode {
  readonly type:
    | 'CommentStatement'
    | 'PartialStatement'
    | 'PartialBlockStatement'
    | 'Decorator'
    | 'DecoratorBlock';
}

export type AstExpression = AstPath | AstSubExpression | AstLiteral | AstNothing;

export interface AstPath extends AstNode {
  readonly type: 'PathExpression';
  /** True for `@index` and its like. */
  readonly data: boolean;
  /** How many `../` stand before it. */
  readonly depth: number;
  readonly parts: readonly string[];
  readonly original: string;
}

export interface AstSubExpression extends AstCall {
  readonly type: 'SubExpression';
}

export interface AstLiteral extends AstNode {
  readonly type: 'StringLiteral' | 'NumberLiteral' | 'BooleanLiteral';
  readonly value: string | number | boolean;
}

interface AstNothing extends AstNode {
  readonly type: 'NullLiteral' | 'UndefinedLiteral';
}

export interface AstHash extends AstNode {
  readonly pairs: readonly (AstNode & { readonly key: string; readonly value: AstExpression })[];
}

export type AstResult =
  | { readonly kind: 'parsed'; readonly program: AstProgram }
  | ({ readonly kind: 'failed'; readonly at: AstPosition } & AstProblem);

interface AstProblem {
  readonly code: 'TemplateSyntax' | 'TemplateTooDeep';
  readonly message: string;
  readonly hint: string;
}

/** Parses a template. White space around block lines that stand alone is taken away, as Handlebars does. */
export function parseAst(source: string): AstResult {
  const deep = tooDeep(source);
  if (deep !== undefined) return deep;
  try {
    return { kind: 'parsed', program: believe(Handlebars.parse(source)) };
  } catch (error) {
    return failure(source, error);
  }
}

/**
 * The one cast: the library types its nodes by an open interface (`type: string`) that says less than, and in
 * places other than, what its parser yields (content's `original` is a string, `program` may be absent).
 */
function believe(program: unknown): AstProgram {
  return program as AstProgram;
}

/** How a template says two braces. */
export const LITERAL_OPEN = '{{"{{"}}';
const LITERAL_HINT = `for a literal {{ write \\{{ or ${LITERAL_OPEN}`;
const FLOW_HINT =
  'put a space between }} and }, or use block style; nothing is escaped, so {{{ }}} is not needed';

function failure(source: string, error: unknown): AstResult {
  const text = errorMessage(error);
  const parse = /^(?:Parse|Lexical) error on line (\d+)[^\n]*\n(.*)\n(-*)\^(?:\n.*got '(\w+)')?/s.exec(text);
  if (parse === null) return otherFailure(text);
  const [, line = '1', context = '', dashes = '', token = ''] = parse;
  const found = placeOfContext({ source, line: Number(line), context, caret: dashes.length });
  const unclosed = unclosedBefore(source, found);
  if (unclosed !== undefined) {
    const said = { message: 'this {{ is not closed on its line', hint: `close it with }}; ${LITERAL_HINT}` };
    return { kind: 'failed', code: 'TemplateSyntax', at: unclosed, ...said };
  }
  const at = token === 'EOF' ? (lastOpened(source) ?? found) : found;
  const foreign = goTemplateAt(source, at);
  if (foreign !== undefined) return { kind: 'failed', code: 'TemplateSyntax', at, ...foreign };
  return { kind: 'failed', code: 'TemplateSyntax', at, ...explain(token) };
}

/** An expression that the parser followed into the next lines: most likely its end was forgotten. */
function unclosedBefore(source: string, at: AstPosition): AstPosition | undefined {
  const lines = source.split('\n');
  const before = [...lines.slice(0, at.line - 1), (lines[at.line - 1] ?? '').slice(0, at.column)].join('\n');
  const open = before.lastIndexOf('{{');
  if (open < 0 || before.includes('}}', open) || !before.includes('\n', open)) return undefined;
  return positionOf(source, open);
}

/** What authors of Helm charts write by habit. */
function goTemplateAt(source: string, at: AstPosition): { message: string; hint: string } | undefined {
  const line = source.split('\n')[at.line - 1] ?? '';
  const open = line.lastIndexOf('{{', at.column);
  const [, inside = ''] = open < 0 ? [] : (/^\{\{\s*(.*?)\s*(}}|$)/.exec(line.slice(open)) ?? []);
  const first = 'the helper goes first: {{default spec.image "nginx"}}';
  if (inside.includes('|')) return { message: 'a template has no pipes', hint: `${first}; ${LITERAL_HINT}` };
  if (!/^\.\w/.test(inside)) return undefined;
  return { message: `no path begins with a dot: ${inside}`, hint: `write {{spec.image}}; ${LITERAL_HINT}` };
}

function explain(token: string): { message: string; hint: string } {
  switch (token) {
    case 'CLOSE_UNESCAPED':
      return { message: '}}} closes nothing: the template does not parse', hint: FLOW_HINT };
    case 'EOF':
      return {
        message: 'the template ends within a block or an expression',
        hint: `close it; ${LITERAL_HINT}`,
      };
    case 'OPEN_ENDBLOCK':
      return { message: 'this closes a block that is not open', hint: 'remove it, or open the block before' };
    case 'CLOSE':
      return { message: 'an expression is missing before }}', hint: LITERAL_HINT };
    default:
      return { message: 'the expression does not parse', hint: LITERAL_HINT };
  }
}

const DEEPEST = 64;

/** The parser takes time by the square of the depth, so depth is bounded before it sees the source. */
function tooDeep(source: string): AstResult | undefined {
  let blocks = 0;
  let calls = 0;
  let inside = false;
  for (const { index, 0: mark } of source.matchAll(/\{\{~?[#^/]\s*[^\s}~]|\{\{|\}\}|\(|\)/g)) {
    if (mark.includes('{{') || mark === '}}') calls = 0;
    else if (inside) calls += mark === '(' ? 1 : -1;
    if (mark.length > 2) blocks += mark.includes('/') ? -1 : 1;
    inside = mark === '}}' ? false : inside || mark.includes('{{');
    if (Math.max(calls, blocks) <= DEEPEST) continue;
    const message = `blocks or calls are nested deeper than ${DEEPEST} levels`;
    const at = positionOf(source, index);
    return { kind: 'failed', code: 'TemplateTooDeep', at, message, hint: 'compute a part in vars' };
  }
  return undefined;
}

/** Where the source ends too early, the place to look at is what was opened last: an expression, or a block. */
function lastOpened(source: string): AstPosition | undefined {
  const open = source.lastIndexOf('{{');
  if (open > source.lastIndexOf('}}')) return positionOf(source, open);
  const blocks: number[] = [];
  for (const { index, 1: sign } of source.matchAll(/\{\{~?([#^/])\s*[^\s}~]/g)) {
    if (sign === '/') blocks.pop();
    else blocks.push(index);
  }
  const last = blocks.pop();
  return last === undefined ? undefined : positionOf(source, last);
}

/** Errors that Handlebars raises itself end in ` - line:column`. */
function otherFailure(text: string): AstResult {
  const [, message = text, line = '1', column = '0'] = /^(.*?) - (\d+):(\d+)$/s.exec(text) ?? [];
  const at = { line: Number(line), column: Number(column) };
  const hint = message.includes("doesn't match") ? 'close the block that was opened last' : LITERAL_HINT;
  return { kind: 'failed', code: 'TemplateSyntax', at, message, hint };
}

/**
 * The parser tells the line, and some 20 characters before and behind the place with their line breaks removed; the
 * column is found by looking for those.
 */
function placeOfContext(given: {
  source: string;
  line: number;
  context: string;
  caret: number;
}): AstPosition {
  const cut = given.context.startsWith('...') ? 3 : 0;
  const needle = given.context.slice(cut).replace(/\.\.\.$/, '');
  const offsets = [...given.source.matchAll(/[^\n]/g)].map((match) => match.index);
  const flat = given.source.replaceAll('\n', '');
  let best: AstPosition = { line: given.line, column: 0 };
  for (let at = flat.indexOf(needle); at >= 0; at = flat.indexOf(needle, at + 1)) {
    best = positionOf(given.source, offsets[at + given.caret - cut] ?? given.source.length);
    if (best.line >= given.line) return best;
  }
  return best;
}

function positionOf(source: string, offset: number): AstPosition {
  const before = source.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)?.length ?? 0 };
}
