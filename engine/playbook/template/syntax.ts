/**
 * A template as it is evaluated: paths are resolved to scopes, helpers are found, and everything that can be refused
 * was refused. Nothing of Handlebars is left.
 */
import type { Place } from '../../base/diagnostic.ts';
import type { ContextRoot, Reference } from '../language.ts';
import type { Helper } from './helpers.ts';

export type Body = readonly Part[];
export type Part = TextPart | OutputPart | Block;
export type Block = IfBlock | EachBlock | WithBlock;

export interface TextPart {
  readonly kind: 'text';
  readonly text: string;
  /** Where the text stands in the source. */
  readonly offset: number;
}

export interface OutputPart {
  readonly kind: 'output';
  readonly value: Expr;
  /** As written, with its braces. */
  readonly source: string;
  readonly offset: number;
  readonly place: Place;
}

export interface IfBlock {
  readonly kind: 'if';
  readonly condition: Expr;
  /** True for `unless`. */
  readonly negated: boolean;
  /** 0 counts as true. */
  readonly includeZero: boolean;
  readonly body: Body;
  readonly otherwise: Body;
  readonly place: Place;
}

export interface EachBlock {
  readonly kind: 'each';
  readonly list: Expr;
  readonly body: Body;
  readonly otherwise: Body;
  readonly place: Place;
}

export interface WithBlock {
  readonly kind: 'with';
  readonly value: Expr;
  readonly body: Body;
  readonly otherwise: Body;
  readonly place: Place;
}

export type Expr = LiteralExpr | PathExpr | CallExpr;

export interface LiteralExpr {
  readonly kind: 'literal';
  readonly value: string | number | boolean;
}

/** Where a value comes from, as far as the text tells. */
export interface Origin {
  readonly root: ContextRoot;
  readonly path: readonly string[];
  /** False: the value lies somewhere below that path (an item of the list). */
  readonly exact: boolean;
  /** The whole path where it is not exact, with ITEM for an item of a list; undefined: not known. */
  readonly full: readonly string[] | undefined;
}

export interface PathExpr {
  readonly kind: 'path';
  /** How many frames (`each`, `with`) to go out. */
  readonly up: number;
  /** What is read of that frame. */
  readonly read: 'value' | 'key' | 'index' | 'first' | 'last';
  readonly segments: readonly string[];
  readonly origin: Origin | undefined;
  /** What is said to be missing; undefined where the frame's value was computed. */
  readonly reference: Reference | undefined;
  /** Absence is provided for, so that it is not reported. */
  readonly quiet: boolean;
  readonly text: string;
  readonly place: Place;
  readonly hint: string | undefined;
}

export interface CallExpr {
  readonly kind: 'call';
  readonly helper: Helper;
  readonly args: readonly Expr[];
  readonly text: string;
  readonly place: Place;
}

/** One shape of a template: the texts and outputs that its blocks let through, in order. */
export type Emission = readonly (TextPart | OutputPart)[];
