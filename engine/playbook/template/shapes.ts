/**
 * The shapes a template can take, without values: for each `if` and `with` both sides, for each `each` no, one and two
 * rounds.
 *
 * Up to 32 combinations all of them. Beyond that their number must not grow with the power of the blocks: each side of
 * each block stands in some shape (with those around it on the side that lets it be seen), and any two blocks side by
 * side stand in all four combinations of there and not there. For n blocks side by side that takes 2·log2(n) + 3
 * shapes; nesting adds to it. (The characters parsed at load are bounded as well: see documents.ts.)
 */
import { isTrue } from './helpers.ts';
import type { Block, Body, Emission, Expr, OutputPart, TextPart } from './syntax.ts';
import type { Value } from './values.ts';
import { Failure } from './values.ts';

const MOST_COMBINATIONS = 32;

/** How often each block's body stands; 0: its else. */
type Choices = ReadonlyMap<Block, number>;

export function shapesOf(body: Body): readonly Emission[] {
  const combinations = countCombinations(body);
  const choices = combinations <= MOST_COMBINATIONS ? allChoices(body) : someChoices(body);
  return choices.map((chosen) => sketch(body, chosen));
}

function blocksOf(body: Body): readonly Block[] {
  return body.filter((part) => part.kind !== 'text' && part.kind !== 'output');
}

function countCombinations(body: Body): number {
  return blocksOf(body).reduce((product, block) => {
    const rounds = block.kind === 'each' ? 2 : 1;
    return product * (rounds * countCombinations(block.body) + countCombinations(block.otherwise));
  }, 1);
}

function allChoices(body: Body): readonly Choices[] {
  let all: readonly Choices[] = [new Map()];
  for (const block of blocksOf(body)) {
    const rounds = block.kind === 'each' ? [1, 2] : [1];
    const there = allChoices(block.body).flatMap((inner) =>
      rounds.map((count) => choose(block, count, inner)),
    );
    const not = allChoices(block.otherwise).map((inner) => choose(block, 0, inner));
    all = all.flatMap((chosen) => [...there, ...not].map((more) => new Map([...chosen, ...more])));
  }
  return all;
}

function choose(block: Block, rounds: number, inner: Choices): Choices {
  return new Map([[block, rounds] as const, ...inner]);
}

/** Row by row: first every variant of every block, then for each bit of the blocks' numbers those with it and those without. */
function someChoices(body: Body): readonly Choices[] {
  const variants = blocksOf(body).map(variantsOf);
  const most = variants.reduce((longest, { length }) => Math.max(longest, length), 1);
  const row = (pick: (block: number) => number): Choices =>
    new Map(variants.flatMap((list, block) => [...(list[pick(block) % list.length] ?? [])]));
  const rows = Array.from({ length: most }, (_, index) => row(() => index));
  for (let bit = 1; bit < variants.length; bit *= 2) {
    rows.push(
      row((block) => (block & bit ? 1 : 0)),
      row((block) => (block & bit ? 0 : 1)),
    );
  }
  return rows;
}

/** The first is the body, the second the else. */
function variantsOf(block: Block): readonly Choices[] {
  const [firstThere, ...there] = someChoices(block.body).map((inner) => choose(block, 1, inner));
  const [firstNot, ...not] = someChoices(block.otherwise).map((inner) => choose(block, 0, inner));
  const both = [firstThere, firstNot].filter((choices) => choices !== undefined);
  const twice = block.kind === 'each' ? [...both.slice(0, 1), ...there.slice(0, 1)] : [];
  return [
    ...both,
    ...twice.map((choices) => choose(block, 2, withoutBlock(choices, block))),
    ...there,
    ...not,
  ];
}

function withoutBlock(choices: Choices, block: Block): Choices {
  return new Map([...choices].filter(([each]) => each !== block));
}

/** Rounds of the blocks around, from the innermost out; undefined for `with`. */
interface Round {
  readonly parent: Round | undefined;
  readonly index: number | undefined;
  readonly last: boolean;
}

function sketch(body: Body, choices: Choices): Emission {
  const emission: (TextPart | OutputPart)[] = [];
  const walk = (parts: Body, round: Round | undefined): void => {
    for (const part of parts) {
      if (part.kind === 'text' || part.kind === 'output') emission.push(part);
      else walkBlock(part, round);
    }
  };
  const walkBlock = (block: Block, round: Round | undefined): void => {
    const rounds = told(block, round) ?? choices.get(block) ?? 1;
    if (rounds === 0) walk(block.otherwise, round);
    for (let index = 0; index < rounds; index++) {
      if (block.kind === 'if') walk(block.body, round);
      else if (block.kind === 'with') walk(block.body, { parent: round, index: undefined, last: false });
      else walk(block.body, { parent: round, index, last: index === rounds - 1 });
    }
  };
  walk(body, undefined);
  return emission;
}

/** `{{#if @first}}`, `{{#unless (eq @index 0)}}` and their like follow from the round; undefined: anything is possible. */
function told(block: Block, round: Round | undefined): number | undefined {
  if (block.kind !== 'if' || round === undefined) return undefined;
  const known = toldValue(block.condition, round);
  if (known === undefined) return undefined;
  const holds = isTrue(known.value) || (block.includeZero && known.value === 0);
  return holds !== block.negated ? 1 : 0;
}

function toldValue(expr: Expr, round: Round): { readonly value: Value } | undefined {
  if (expr.kind === 'literal') return { value: expr.value };
  if (expr.kind === 'path') return toldVariable(expr.read, expr.up, round);
  if (expr.helper.createOnly) return undefined;
  const args = expr.args.map((arg) => toldValue(arg, round)).filter((arg) => arg !== undefined);
  if (args.length < expr.args.length) return undefined;
  const result = expr.helper.run(
    args.map(({ value }) => value),
    { random: () => '' },
  );
  return result instanceof Failure ? undefined : { value: result };
}

function toldVariable(read: string, up: number, round: Round): { readonly value: Value } | undefined {
  let at: Round | undefined = round;
  for (let i = 0; i < up; i++) at = at?.parent;
  if (at?.index === undefined) return undefined;
  if (read === 'index') return { value: at.index };
  if (read === 'first') return { value: at.index === 0 };
  return read === 'last' ? { value: at.last } : undefined;
}
