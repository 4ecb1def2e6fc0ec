/**
 * A compiled template with a context: which texts and outputs come out, and the outputs' values. What is missing or
 * wrong is collected, so that all of it is seen at once. The work that values can cause is bounded.
 */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { sortDiagnostics } from '../../base/diagnostic.ts';
import { asJson } from '../../kube/value.ts';
import type { Context, MissingValue, Rendering, RenderOptions } from '../language.ts';
import type { CallSite } from './helpers.ts';
import { isTrue } from './helpers.ts';
import { randomText } from './random.ts';
import { errorAt } from './source.ts';
import type {
  Block,
  Body,
  CallExpr,
  EachBlock,
  Expr,
  IfBlock,
  OutputPart,
  PathExpr,
  TextPart,
  WithBlock,
} from './syntax.ts';
import type { Value } from './values.ts';
import { asList, Failure, kindOf, ownValue } from './values.ts';

/** What one evaluation may cost: a part is one step, and so are 64 characters that a helper makes. */
const MOST_STEPS = 200_000;
const CHARACTERS_PER_STEP = 64;
/** More are of no use to a reader. */
const MOST_REPORTS = 100;

/** Values that `each` and `with` opened, from the innermost out. */
interface Frame {
  readonly value: unknown;
  readonly parent: Frame | undefined;
  /** The expression that gave the value; undefined at the root. */
  readonly source: Expr | undefined;
  readonly loop:
    | { readonly key: string | number; readonly index: number; readonly last: boolean }
    | undefined;
}

export class Evaluation {
  readonly emission: (TextPart | OutputPart)[] = [];
  /** One for each output of the emission, in order. */
  readonly values: Value[] = [];
  readonly problems: Diagnostic[] = [];
  readonly missing: MissingValue[] = [];
  /** Which block went which way, in order. */
  readonly taken: { readonly block: Block; readonly side: 'then' | 'else' }[] = [];
  readonly #options: RenderOptions;
  #steps = 0;
  #randoms = 0;

  constructor(options: RenderOptions = {}) {
    this.#options = options;
  }

  run(body: Body, context: Context): void {
    this.#body(body, { value: context, parent: undefined, source: undefined, loop: undefined });
  }

  get #exhausted(): boolean {
    return this.#steps > MOST_STEPS;
  }

  /** Undefined where everything is there and right. What is wrong comes before what is missing. */
  failure(start: Place): Exclude<Rendering, { kind: 'objects' }> | undefined {
    if (this.#exhausted) {
      const message = `the template takes more than ${MOST_STEPS} steps with these values`;
      return {
        kind: 'error',
        problems: [errorAt('TemplateTooLarge', start, { message, hint: 'let each go over fewer items' })],
      };
    }
    if (this.problems.length > 0) return { kind: 'error', problems: sortDiagnostics(this.problems) };
    return this.missing.length > 0 ? { kind: 'missing', missing: this.missing } : undefined;
  }

  #body(body: Body, frame: Frame): void {
    for (const part of body) {
      if (++this.#steps > MOST_STEPS) return;
      switch (part.kind) {
        case 'text':
          this.emission.push(part);
          break;
        case 'output':
          this.emission.push(part);
          this.values.push(this.#value(part.value, frame));
          break;
        case 'if':
          this.#if(part, frame);
          break;
        case 'each':
          this.#each(part, frame);
          break;
        case 'with':
          this.#with(part, frame);
      }
    }
  }

  #if(block: IfBlock, frame: Frame): void {
    const value = this.#value(block.condition, frame);
    const holds = isTrue(value) || (block.includeZero && value === 0);
    this.#body(this.#choose(block, holds !== block.negated), frame);
  }

  #choose(block: Block, holds: boolean): Body {
    this.taken.push({ block, side: holds ? 'then' : 'else' });
    return holds ? block.body : block.otherwise;
  }

  /** The else is for absence alone: what with binds may well be false, 0 or ''. */
  #with(block: WithBlock, frame: Frame): void {
    const value = this.#value(block.value, frame);
    const body = this.#choose(block, value !== undefined);
    const within = { value, parent: frame, source: block.value, loop: undefined };
    this.#body(body, value === undefined ? frame : within);
  }

  #each(block: EachBlock, frame: Frame): void {
    const value = this.#value(block.list, frame);
    const items = this.#items(value, block.place);
    const body = this.#choose(block, items.length > 0);
    if (items.length === 0) this.#body(body, frame);
    for (const [index, [key, item]] of items.entries()) {
      if (this.#exhausted) return;
      const loop = { key, index, last: index === items.length - 1 };
      this.#body(body, { value: item, parent: frame, source: block.list, loop });
    }
  }

  /** An object's items come by sorted key, so that the same data gives the same text. */
  #items(value: Value, place: Place): readonly (readonly [string | number, unknown])[] {
    const list = asList(value);
    if (list !== undefined) return list.map((item, index) => [index, item] as const);
    if (value === undefined) return [];
    if (typeof value === 'object' && value !== null) {
      return Object.keys(value)
        .sort()
        .map((key) => [key, ownValue(value, key)] as const);
    }
    this.#report('TemplateValue', place, new Failure(`each takes a list or an object, not ${kindOf(value)}`));
    return [];
  }

  #value(expr: Expr, frame: Frame): Value {
    switch (expr.kind) {
      case 'literal':
        return expr.value;
      case 'path':
        return this.#path(expr, frame);
      default:
        return this.#call(expr, frame);
    }
  }

  #path(expr: PathExpr, from: Frame): Value {
    const frame = outer(from, expr.up);
    if (expr.read !== 'value') return loopValue(frame, expr.read);
    let value: unknown = frame.value;
    for (const segment of expr.segments) value = ownValue(value, segment);
    if (value !== undefined && value !== null) return asJson(value);
    if (!expr.quiet) this.#miss(expr, from);
    return undefined;
  }

  #call(expr: CallExpr, frame: Frame): Value {
    const { helper } = expr;
    const args = expr.args.map((arg) => this.#value(arg, frame));
    if (!helper.total && args.includes(undefined)) return undefined;
    const result = helper.run(args, this.#site(expr));
    if (!(result instanceof Failure)) return this.#charge(result);
    this.#report('TemplateValue', expr.place, result);
    return undefined;
  }

  #charge(value: Value): Value {
    if (typeof value === 'string') this.#steps += Math.floor(value.length / CHARACTERS_PER_STEP);
    else if (Array.isArray(value)) this.#steps += value.length;
    return value;
  }

  #site(expr: CallExpr): CallSite {
    return {
      random: (length) => {
        const { seed } = this.#options;
        if (seed === undefined)
          return new Failure('no randomness is at hand', 'render it where the object is created');
        const purpose = `${expr.place.file}:${expr.place.line}:${expr.place.column}/${this.#randoms++}`;
        return randomText({ seed, purpose, length });
      },
    };
  }

  #miss(expr: PathExpr, frame: Frame): void {
    const message = `${describe(expr, frame)} is missing`;
    if (expr.reference === undefined)
      this.#report('TemplateValue', expr.place, new Failure(message, expr.hint));
    if (expr.reference === undefined || this.missing.length >= MOST_REPORTS) return;
    const hint = expr.hint ?? 'give it a value, or provide for its absence by default, optional or if';
    this.missing.push({
      reference: expr.reference,
      problem: errorAt('TemplateMissingValue', expr.place, { message, hint }),
    });
  }

  #report(code: string, place: Place, failure: Failure): void {
    if (this.problems.length < MOST_REPORTS) this.problems.push(errorAt(code, place, failure));
  }
}

function outer(from: Frame, up: number): Frame {
  let frame = from;
  for (let i = 0; i < up && frame.parent !== undefined; i++) frame = frame.parent;
  return frame;
}

function loopValue({ loop }: Frame, read: Exclude<PathExpr['read'], 'value'>): Value {
  if (loop === undefined) return undefined;
  if (read === 'first') return loop.index === 0;
  return loop[read];
}

/** The path with the items it went through: `spec.users[1].name`. */
function describe(expr: PathExpr, from: Frame): string {
  const base = describeFrame(outer(from, expr.up));
  return [...(base === '' ? [] : [base]), ...expr.segments].join('.') || expr.text;
}

function describeFrame(frame: Frame): string {
  const { source, parent, loop } = frame;
  if (source === undefined || parent === undefined) return '';
  const base =
    source.kind === 'path' ? describe(source, parent) : source.kind === 'call' ? `(${source.text})` : 'this';
  return loop === undefined ? base : `${base}[${loop.key}]`;
}
