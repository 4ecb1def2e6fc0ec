/**
 * Finds every code that the engine's sources can report, by one convention: a code is a string literal that is the value
 * of a property `code`, or stands where a function, method or constructor has a parameter called `code`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** PascalCase; others are no codes of ours but HTTP's, YAML's or the system's. */
const CODE = /'([A-Z][a-z][A-Za-z0-9]*)'/g;

interface Source {
  readonly file: string;
  readonly text: string;
}

/** A callable with a parameter `code`, and the position of that parameter. */
interface Taker {
  readonly name: string;
  readonly position: number;
  /** Methods are known by their names alone, so that they count only in their own folder. */
  readonly folder: string | undefined;
}

/** Code → the files that say it. */
export function collectCodes(root: string): ReadonlyMap<string, readonly string[]> {
  const sources = readSources(root);
  const takers = sources.flatMap(takersIn);
  const codes = new Map<string, Set<string>>();
  for (const source of sources) {
    for (const code of [...propertyCodes(source.text), ...argumentCodes(source, takers)]) {
      codes.set(code, (codes.get(code) ?? new Set()).add(source.file));
    }
  }
  return new Map([...codes].map(([code, files]) => [code, [...files]]));
}

function readSources(root: string): readonly Source[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.map((file) => ({ file, text: withoutComments(readFileSync(join(root, file), 'utf8')) }));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

/** `code: 'X'`, `code = 'X'`, `code: a ? 'X' : 'Y'`. */
function propertyCodes(text: string): readonly string[] {
  const values = [...text.matchAll(/\bcode(?:\s*=(?!=)|:)\s*([^,;{}]*)/g)].map(([, value]) => value ?? '');
  return values.flatMap(literalsIn);
}

function literalsIn(text: string): readonly string[] {
  return [...text.matchAll(CODE)].flatMap(([, code]) => code ?? []);
}

function takersIn({ file, text }: Source): readonly Taker[] {
  const functions = [...text.matchAll(/\bfunction\*?\s+(\w+)[^(]*\(/g)].map((match) => ({
    match,
    folder: undefined,
  }));
  const arrows = [...text.matchAll(/\bconst\s+(\w+)\s*=\s*(?:async\s*)?\(/g)].map((match) => ({
    match,
    folder: undefined,
  }));
  const methods = [...text.matchAll(/^ {2}(?:readonly |private )?#?(\w+)\(/gm)].map((match) => ({
    match,
    folder: dirname(file),
  }));
  return [...functions, ...arrows, ...methods].flatMap(({ match, folder }): Taker[] => {
    const parameters = splitArguments(text, match.index + match[0].length);
    const position = parameters.findIndex((each) => /^\s*(?:readonly\s+)?code\??\s*[:=]/.test(each));
    const name = match[1] ?? '';
    if (position < 0) return [];
    if (name !== 'constructor') return [{ name, position, folder }];
    const owner = [...text.slice(0, match.index).matchAll(/\bclass\s+(\w+)/g)].at(-1)?.[1] ?? '';
    return ['super', owner].map((each) => ({ name: each, position, folder: undefined }));
  });
}

function argumentCodes({ file, text }: Source, takers: readonly Taker[]): readonly string[] {
  const here = takers.filter(({ folder }) => folder === undefined || dirname(file).startsWith(folder));
  return here.flatMap(({ name, position }) =>
    [...text.matchAll(new RegExp(`(?<![\\w])#?${name}\\(`, 'g'))].flatMap((call) =>
      literalsIn(splitArguments(text, call.index + call[0].length)[position] ?? ''),
    ),
  );
}

/** The texts between the commas of an argument list whose opening bracket ends at `start`. */
function splitArguments(text: string, start: number): readonly string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? '';
    if ('\'"`'.includes(character)) {
      const end = endOfQuote(text, at);
      parts.push(`${parts.pop() ?? ''}${text.slice(at, end)}`);
      at = end - 1;
      continue;
    }
    if (')]}'.includes(character) && depth-- === 0) break;
    if ('([{'.includes(character)) depth++;
    if (character === ',' && depth === 0) parts.push('');
    else parts.push(`${parts.pop() ?? ''}${character}`);
  }
  return parts;
}

function endOfQuote(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start]) at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
