/**
 * The shapes a template can take, without values: for each `if` and `with` both sides, for each `each` no, one and two
 * rounds. Up to 32 combinations all of them; beyond that each block is varied by itself, once with all others on their
 * first side and once with all others on their second, so that the number grows with the blocks and not with its power.
 */
import { isTrue } from './helpers.ts';
import type { Block, Body, Emission, Expr, OutputPart, TextPart, Value } from './syntax.ts';
import { Failure } from './values.ts';

const MOST_COMBINATIONS = 32;

/** How often each block's body stands; 0: its else. */
type Choices = ReadonlyMap<Block, number>;

export function shapesOf(body: Body): readonly Emission[] {
  const found = findBlocks(body, []);
  const combinations = found.reduce((product, { block }) => product * sides(block).length, 1);
  const choices = combinations <= MOST_COMBINATIONS ? allChoices(found) : someChoices(found);
  return choices.map((chosen) => sketch(body, chosen));
}

interface FoundBlock {
  readonly block: Block;
  /** The blocks around it, with the side that it stands on. */
  readonly around: readonly (readonly [Block, number])[];
}

function findBlocks(body: Body, around: FoundBlock['around']): readonly FoundBlock[] {
  return body.flatMap((part) => {
    if (part.kind === 'text' || part.kind === 'output') return [];
    const within = findBlocks(part.body, [...around, [part, 1]]);
    return [{ block: part, around }, ...within, ...findBlocks(part.otherwise, [...around, [part, 0]])];
  });
}

function sides(block: Block): readonly number[] {
  return block.kind === 'each' ? [1, 0, 2] : [1, 0];
}

function allChoices(found: readonly FoundBlock[]): readonly Choices[] {
  let all: Choices[] = [new Map()];
  for (const { block } of found) {
    all = all.flatMap((chosen) => sides(block).map((side) => new Map([...chosen, [block, side]])));
  }
  return all;
}

function someChoices(found: readonly FoundBlock[]): readonly Choices[] {
  return [1, 0].flatMap((background) => {
    const base = found.map(({ block }) => [block, background] as const);
    const varied = found.flatMap(({ block, around }) =>
      sides(block).map((side) => new Map([...base, ...around, [block, side] as const])),
    );
    return [new Map(base), ...varied];
  });
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
