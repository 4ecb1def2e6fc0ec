/**
 * Flags of a command: declared once, read from the command line or from LIBRETTO_* variables, explained by --help.
 * Everything that is wrong is told at once. What is neither a flag nor its value is an argument.
 */
import { parseArgs } from 'node:util';
import type { Environment } from '../base/environment.ts';
import { nearest } from '../playbook/suggest.ts';

interface FlagBase {
  /** In words that follow the flag's name in --help. */
  readonly help: string;
  /** A short form: `-h`. */
  readonly short?: string;
}

export type Flag =
  | (FlagBase & { readonly type: 'boolean'; readonly default: boolean })
  | (FlagBase & {
      readonly type: 'string';
      readonly value: string;
      readonly default?: string;
      readonly choices?: readonly string[];
    })
  | (FlagBase & {
      readonly type: 'number';
      readonly value: string;
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    })
  /** May be given several times, or as a list with commas. */
  | (FlagBase & { readonly type: 'list'; readonly value: string })
  /** May be given several times; a comma is a part of the value. */
  | (FlagBase & { readonly type: 'texts'; readonly value: string });

export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F extends { type: 'boolean' }
  ? boolean
  : F extends { type: 'number' }
    ? number
    : F extends { type: 'list' | 'texts' }
      ? readonly string[]
      : F extends { default: string }
        ? string
        : string | undefined;

export type FlagValues<T extends Flags> = { readonly [name in keyof T]: ValueOf<T[name]> };

export type ParsedFlags<T extends Flags> =
  | { readonly kind: 'parsed'; readonly values: FlagValues<T>; readonly args: readonly string[] }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

/** `--watch-namespaces` as LIBRETTO_WATCH_NAMESPACES. */
export function variableOf(name: string): string {
  return `LIBRETTO_${name.toUpperCase().replaceAll('-', '_')}`;
}

export function parseFlags<T extends Flags>(
  argv: readonly string[],
  flags: T,
  environment: Environment,
): ParsedFlags<T> {
  const problems: string[] = [];
  const { values, args } = tokens(argv, flags, problems);
  const entries = Object.entries(flags).map(([name, flag]) => {
    const given = values.get(name) ?? fromEnvironment(name, environment);
    return [name, given === undefined ? defaultOf(flag) : convert(name, flag, given, problems)];
  });
  if (problems.length > 0) return { kind: 'wrong', problems };
  return { kind: 'parsed', values: Object.fromEntries(entries) as FlagValues<T>, args }; // as: convert yields each flag's type
}

function fromEnvironment(name: string, environment: Environment): readonly string[] | undefined {
  const value = environment[variableOf(name)];
  return value === undefined || value === '' ? undefined : [value];
}

function tokens(
  argv: readonly string[],
  flags: Flags,
  problems: string[],
): { values: Map<string, string[]>; args: string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short }]) => [
      name,
      {
        type: type === 'boolean' ? ('boolean' as const) : ('string' as const),
        multiple: true,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const parsed = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const args: string[] = [];
  for (const token of parsed.tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    const [name, value] = optionOf(token.name, token.value, flags);
    const flag = flags[name];
    if (flag === undefined)
      problems.push(`there is no flag ${token.rawName}${suggestion(token.name, flags)}`);
    else if (
      flag.type !== 'boolean' &&
      (value === undefined || (token.inlineValue !== true && value.startsWith('--')))
    )
      problems.push(`${token.rawName} needs a value: ${flag.value}`);
    else values.set(name, [...(values.get(name) ?? []), value ?? 'true']);
  }
  return { values, args };
}

/** `--no-install-crds` means `--install-crds=false`. */
function optionOf(
  name: string,
  value: string | undefined,
  flags: Flags,
): readonly [string, string | undefined] {
  if (name in flags || !name.startsWith('no-')) return [name, value];
  const positive = name.slice(3);
  return flags[positive]?.type === 'boolean' ? [positive, 'false'] : [name, value];
}

function suggestion(name: string, flags: Flags): string {
  const near = nearest(name.toLowerCase(), Object.keys(flags));
  return near === undefined ? '' : `; did you mean --${near}?`;
}

function defaultOf(flag: Flag): unknown {
  return flag.type === 'list' || flag.type === 'texts' ? [] : flag.default;
}

function convert(name: string, flag: Flag, given: readonly string[], problems: string[]): unknown {
  const last = given.at(-1) ?? '';
  switch (flag.type) {
    case 'texts':
      return given;
    case 'list':
      return given
        .flatMap((text) => text.split(','))
        .map((text) => text.trim())
        .filter((text) => text !== '');
    case 'boolean':
      if (last === 'true' || last === 'false') return last === 'true';
      problems.push(`--${name} is true or false, not ${last}`);
      return flag.default;
    case 'number':
      return convertNumber(name, flag, last, problems);
    case 'string':
      if (last === '') problems.push(`--${name} needs a value: ${flag.value}`);
      else if (flag.choices !== undefined && !flag.choices.includes(last))
        problems.push(`--${name} is one of ${flag.choices.join(', ')}, not ${last}`);
      return last;
  }
}

function convertNumber(
  name: string,
  flag: Extract<Flag, { type: 'number' }>,
  text: string,
  problems: string[],
): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = flag;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  problems.push(
    `--${name} is a whole number from ${min}${flag.max === undefined ? '' : ` to ${max}`}, not ${text}`,
  );
  return flag.default;
}

/** One line a flag, with its variable. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(
    ([name, flag]) => [signature(name, flag), explain(name, flag)] as const,
  );
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function signature(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  return `${short}--${name}${flag.type === 'boolean' ? '' : ` ${flag.value}`}`;
}

function explain(name: string, flag: Flag): string {
  const standard =
    flag.type === 'list' || flag.type === 'texts' || flag.default === undefined || flag.default === false
      ? ''
      : ` (default ${String(flag.default)})`;
  return `${flag.help}${standard} [${variableOf(name)}]`;
}
