/**
 * jsonata's own functions with a price on each: what a call may cost is paid, from its arguments, before it is made.
 * Not offered: what has a clock, randomness or evaluates text ($now, $millis, $random, $shuffle, $eval), and what builds
 * regular expressions from pictures or recurses by value ($formatInteger, $parseInteger, pictures of $toMillis).
 */
import { isObject } from '../kube/object.ts';
import type { Meter } from './expression-meter.ts';

/** How jsonata keeps a function; also how we hand it ours. */
export interface NativeFunction {
  readonly _jsonata_function: true;
  readonly implementation: Implementation;
  token?: unknown;
  position?: unknown;
  readonly signature?: { validate(args: readonly unknown[], context: unknown): readonly unknown[] };
}

/** `this` of a function's call. */
export interface Focus {
  readonly input?: unknown;
}

export type Implementation = (this: Focus, ...args: readonly unknown[]) => unknown;

type Price = (meter: Meter, args: readonly unknown[]) => void;

/** Enough for a call that looks at each of its arguments once; letters are taken one by one. */
const flat: Price = (meter, args) => {
  for (const arg of args) {
    meter.pay(1 + (typeof arg === 'string' ? arg.length / 16 : 0));
    meter.payValue(arg);
  }
};

/** The worst of a search for a text in a text is to begin anew at each letter. */
const searching: Price = (meter, args) => {
  const [text, sought] = args;
  flat(meter, args);
  if (typeof sought === 'string') meter.pay((lengthOf(text) * sought.length) / 1_500);
};

const squared: Price = (meter, [list]) => meter.pay(lengthOf(list) ** 2 / 500);

/** Each pair may be compared as a whole. */
const comparing: Price = (meter, [list]) => {
  meter.payTree(list);
  if (Array.isArray(list) && list.some((item) => isObject(item))) meter.pay(list.length ** 2 / 4);
  else squared(meter, [list]);
};

const padding: Price = (meter, [, width, fill]) => {
  meter.pay((Math.abs(numberOf(width)) * Math.max(1, lengthOf(fill))) / 16);
};

const joining: Price = (meter, [list, separator]) => {
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  let letters = items.length * lengthOf(separator);
  for (const item of items) letters += lengthOf(item);
  meter.pay(letters / 32 + items.length / 8);
};

/** The worst is a replacement behind every letter. */
const replacing: Price = (meter, args) => {
  const [text, pattern, replacement] = args;
  searching(meter, args);
  const places = lengthOf(text) / Math.max(1, typeof pattern === 'string' ? pattern.length : 1) + 1;
  meter.pay(places / 4 + (lengthOf(text) + places * lengthOf(replacement)) / 32);
};

const splitting: Price = (meter, args) => {
  searching(meter, args);
  meter.pay(lengthOf(args[0]) / 8);
};

const keyed: Price = (meter, [value]) => {
  for (const item of Array.isArray(value) ? value : [value])
    meter.pay(isObject(item) ? Object.keys(item).length / 4 : 0.25);
};

const zipping: Price = (meter, args) => meter.pay((args.length * Math.max(0, ...args.map(lengthOf))) / 8);

/** jsonata's merge sort copies the rest of the list at each step. */
const sorting: Price = (meter, [list, comparator]) => {
  const length = lengthOf(list);
  meter.pay(length ** 2 / 500 + (comparator === undefined ? length * Math.log2(length + 1) : 0));
};

const picture: Price = (meter, args) => {
  const format = args[1];
  flat(meter, args);
  if (lengthOf(format) > 100) throw new Error('the picture is longer than 100 letters');
  meter.pay(8);
};

const withoutPicture: Price = (meter, args) => {
  flat(meter, args);
  if (args[1] !== undefined)
    throw new Error('only ISO 8601 times are read and written here; leave the picture out');
  meter.pay(8);
};

const PRICES = {
  ...each(flat, ['sum', 'count', 'max', 'min', 'average', 'substring']),
  ...each(flat, ['lowercase', 'uppercase', 'length', 'trim', 'match', 'formatBase', 'number']),
  ...each(flat, [
    'floor',
    'ceil',
    'round',
    'abs',
    'sqrt',
    'power',
    'boolean',
    'not',
    'map',
    'filter',
    'single',
  ]),
  ...each(flat, [
    'reduce',
    'sift',
    'lookup',
    'append',
    'exists',
    'reverse',
    'each',
    'error',
    'assert',
    'type',
  ]),
  ...each(flat, ['base64encode', 'base64decode', 'encodeUrlComponent', 'encodeUrl', 'decodeUrlComponent']),
  ...each(searching, ['contains', 'substringBefore', 'substringAfter']),
  decodeUrl: flat,
  keys: keyed,
  spread: squared,
  distinct: comparing,
  pad: padding,
  join: joining,
  replace: replacing,
  split: splitting,
  merge: keyed,
  zip: zipping,
  sort: sorting,
  formatNumber: picture,
  toMillis: withoutPicture,
  fromMillis: withoutPicture,
} as const satisfies Readonly<Record<string, Price>>;

export type NativeName = keyof typeof PRICES;

export const NATIVE_NAMES = Object.keys(PRICES);

export function isNative(name: string): name is NativeName {
  return Object.hasOwn(PRICES, name);
}

/** The same function, paid from `meter`. It keeps its name's declaration, for partial application reads that. */
export function pricedNative(name: NativeName, native: NativeFunction, meter: Meter): NativeFunction {
  const price: Price = PRICES[name];
  const implementation: Implementation = function (...args) {
    const valid = native.signature === undefined ? args : native.signature.validate(args, this.input);
    price(meter, valid);
    return native.implementation.apply(this, [...valid]);
  };
  return disguised(name, implementation, native.implementation);
}

/**
 * jsonata asks a function for its number of parameters (`length`) and for their names (its text). And it notes at a
 * function where it was called last, to say that of an error, which is wrong as soon as calls are inside one another:
 * that note is not taken.
 */
export function disguised(
  name: string,
  implementation: Implementation,
  original: Implementation,
): NativeFunction {
  Object.defineProperty(implementation, 'length', { value: original.length });
  Object.defineProperty(implementation, 'toString', { value: () => original.toString() });
  return {
    _jsonata_function: true,
    implementation,
    get token() {
      return name;
    },
    set token(_note: unknown) {},
    get position() {
      return undefined;
    },
    set position(_note: unknown) {},
  };
}

function each<const Name extends string>(
  price: Price,
  names: readonly Name[],
): Readonly<Record<Name, Price>> {
  return Object.fromEntries(names.map((name) => [name, price])) as Record<Name, Price>;
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value) ? value.length : 0;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
