/**
 * What is refused before jsonata's parser sees it, because the parser itself would take too long: it copies the left side
 * of `??` and `?:`, so that n of them inside one another cost 2^n; and it recurses by depth.
 */

const LONGEST_SOURCE = 16_384;
const DEEPEST_DEFAULTS = 4;
const MOST_DEFAULTS_BESIDE_REGEX = 8;

export interface SourceProblem {
  readonly code: 'ExpressionTooLong' | 'ExpressionTooDeep';
  readonly message: string;
  readonly hint: string;
}

export function sourceProblem(source: string): SourceProblem | undefined {
  if (source.length > LONGEST_SOURCE) {
    const message = `the expression has ${source.length} characters; ${LONGEST_SOURCE} is the most`;
    return { code: 'ExpressionTooLong', message, hint: 'take it apart with vars' };
  }
  if (!tooManyDefaults(source)) return undefined;
  const message = `?? and ?: stand inside one another deeper than ${DEEPEST_DEFAULTS} times`;
  return { code: 'ExpressionTooDeep', message, hint: 'name parts of it in vars' };
}

/** Where a `/` may begin a regular expression brackets can't be counted; then only few defaults are let through. */
function tooManyDefaults(source: string): boolean {
  const bare = withoutText(source);
  const defaults = bare.match(/\?\?|\?:/g)?.length ?? 0;
  if (defaults <= DEEPEST_DEFAULTS) return false;
  if (bare.includes('/')) return defaults > MOST_DEFAULTS_BESIDE_REGEX;
  return nestedDefaults(bare) > DEEPEST_DEFAULTS;
}

/** Strings, quoted names and comments blanked. */
function withoutText(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\/\*[\s\S]*?\*\//g, ' ');
}

/** How many levels of brackets with a default stand inside one another. */
function nestedDefaults(source: string): number {
  const levels = [{ below: 0, own: 0 }];
  const fold = (): void => {
    const closed = levels.pop() ?? { below: 0, own: 0 };
    const parent = levels.at(-1) ?? { below: 0, own: 0 };
    parent.below = Math.max(parent.below, closed.below + closed.own);
    if (levels.length === 0) levels.push(parent);
  };
  for (const [token] of source.matchAll(/\?\?|\?:|[([{)\]}]/g)) {
    const level = levels.at(-1);
    if ('([{'.includes(token)) levels.push({ below: 0, own: 0 });
    else if (')]}'.includes(token)) fold();
    else if (level !== undefined) level.own = 1;
  }
  while (levels.length > 1) fold();
  return (levels[0]?.below ?? 0) + (levels[0]?.own ?? 0);
}
