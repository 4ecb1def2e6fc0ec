/** Warnings: what is valid JSONata and nearly never what was meant (language.md, "Lint"). */
import {
  type AstNode,
  calledFunction,
  filtersOf,
  isBracketed,
  isPlainName,
  sides,
} from './expression-ast.ts';
import type { Finding } from './expression-names.ts';
import { isContextRoot, pathText, staticSegments } from './expression-references.ts';
import { looksLikeVersion } from './expression-versions.ts';
import type { Reference } from './language.ts';

type Path = Pick<Reference, 'root' | 'path'>;

/** What whoever knows the schemas can add; without it, what is commonly so is taken. */
export interface Facts {
  /** Can the path be absent? Default: what lies in objects of others or is not written yet. */
  readonly mayBeMissing?: (path: Path) => boolean;
  /** Does the path lead to a list? Default (and where it says undefined): the well-known lists of Kubernetes. */
  readonly isList?: (path: Path) => boolean | undefined;
}

export interface LintContext {
  readonly facts: Facts;
  /** Is a path's absence provided for where the node stands? */
  readonly isGuarded: (path: string) => boolean;
  readonly element: boolean;
}

type Lint = (node: AstNode, context: LintContext) => readonly Finding[];

export const lint: Lint = (node, context) => LINTS.flatMap((each) => each(node, context));

/** `labels["k"]` */
const filterByText: Lint = (node) =>
  filtersOf(node)
    .filter(({ type }) => type === 'string')
    .map((filter) =>
      warning(filter, 'FilterByText', {
        message: `[${JSON.stringify(filter.value)}] is a filter that always holds: this is the whole map`,
        hint: `a key is read as .\`${String(filter.value)}\` or by $lookup(map, "${String(filter.value)}")`,
      }),
    );

/** `conditions.status = "True"` */
const listCompared: Lint = (node, context) => {
  if (node.type !== 'binary' || (node.value !== '=' && node.value !== '!=')) return [];
  const [left, right] = sides(node);
  if (left === undefined || right === undefined) return [];
  return [[left, right] as const, [right, left] as const]
    .filter(([list, other]) => isLiteral(other) && throughList(list, context))
    .map(([list]) =>
      warning(list, 'ListCompared', {
        message:
          'this goes through a list: with more than one item it is a list, and no list equals a single value',
        hint: 'select one: $condition(x, "Ready"), $byName(list, "name"), list[type = "Ready"].status',
      }),
    );
};

/** `a & b`, `a != b` with a part that may be missing. */
const missingPart: Lint = (node, context) => {
  if (node.type !== 'binary' || (node.value !== '&' && node.value !== '!=')) return [];
  const effect = node.value === '&' ? 'becomes empty text' : 'makes != neither true nor false';
  return sides(node).flatMap((side) => {
    const path = staticPath(side, context);
    if (path === undefined || context.isGuarded(pathText(path)) || !mayBeMissing(path, context.facts))
      return [];
    const message = `${pathText(path)} may be missing, and then ${effect}`;
    return [
      warning(side, 'MissingPart', {
        message,
        hint: 'give a default: (x ?? "…"), or test it first: $exists(x) and …',
      }),
    ];
  });
};

/** `$exists(list)` */
const existsOfList: Lint = (node, context) => {
  const argument = calledFunction(node) === 'exists' ? node.arguments?.[0] : undefined;
  if (argument === undefined || !isListItself(argument, context)) return [];
  const message = '$exists of a list is true for an empty list too';
  return [warning(argument, 'ExistsOfList', { message, hint: 'write $count(list) > 0' })];
};

/** `version < "16.2"` */
const versionsCompared: Lint = (node) => {
  const compares = node.type === 'binary' && ['<', '<=', '>', '>='].includes(String(node.value));
  const operands = sides(node);
  if (!compares || operands.some(({ type }) => type === 'number')) return [];
  const version = operands.find((side) => isVersion(side));
  if (version === undefined) return [];
  const message = 'text is compared letter by letter: "9.6" < "16.2" is false';
  return [warning(node, 'VersionsCompared', { message, hint: 'write $compareVersions(a, b) < 0' })];
};

const LINTS: readonly Lint[] = [filterByText, listCompared, missingPart, existsOfList, versionsCompared];

function warning(
  node: AstNode,
  code: string,
  text: { readonly message: string; readonly hint: string },
): Finding {
  return { node, code, severity: 'warning', ...text };
}

function isLiteral({ type }: AstNode): boolean {
  return type === 'string' || type === 'number' || type === 'value';
}

function isVersion(node: AstNode): boolean {
  if (node.type === 'string') return looksLikeVersion(String(node.value));
  const last = node.type === 'path' ? node.steps?.at(-1) : undefined;
  return last !== undefined && isPlainName(last) && /^(v|.*V)ersion$/.test(last.value);
}

/** The static path of a node that is one from end to end. */
function staticPath(node: AstNode, { element }: LintContext): Path | undefined {
  const steps = node.type === 'path' ? (node.steps ?? []) : [node];
  const [first] = steps;
  if (first === undefined) return undefined;
  if (first.type === 'variable' && first.value === '$' && steps.length > 1) {
    return staticPath(
      { type: 'path', steps: steps.slice(1) },
      { facts: {}, isGuarded: () => false, element: false },
    );
  }
  const named = first.type === 'variable' || (!element && isPlainName(first));
  if (!named || !isContextRoot(first.value) || isBracketed(first)) return undefined;
  const { path, next } = staticSegments(steps, 1);
  return next === steps.length && !steps.some(isBracketed) ? { root: first.value, path } : undefined;
}

/** Objects of others, and what is read of an object that may not be there yet. */
const OFTEN_MISSING: readonly string[] = ['children', 'observe', 'probes', 'self'];

function mayBeMissing(path: Path, facts: Facts): boolean {
  if (facts.mayBeMissing !== undefined) return facts.mayBeMissing(path);
  return OFTEN_MISSING.includes(path.root);
}

/** Fields that are lists wherever they are in Kubernetes. */
const LISTS: readonly string[] = [
  ...[
    'conditions',
    'containers',
    'initContainers',
    'containerStatuses',
    'initContainerStatuses',
    'ownerReferences',
  ],
  ...[
    'finalizers',
    'managedFields',
    'volumes',
    'volumeMounts',
    'tolerations',
    'imagePullSecrets',
    'volumeClaimTemplates',
  ],
];

function isListItself(node: AstNode, context: LintContext): boolean {
  if (node.type === 'unary' && node.value === '[') return true;
  const path = staticPath(node, context);
  const known = path === undefined ? undefined : context.facts.isList?.(path);
  if (known !== undefined) return known;
  const last = node.type === 'path' ? node.steps?.at(-1) : undefined;
  return last !== undefined && isPlainName(last) && !isBracketed(last) && LISTS.includes(last.value);
}

/** A list, without a filter, and a further step behind it. */
function throughList(node: AstNode, context: LintContext): boolean {
  const steps = node.type === 'path' ? (node.steps ?? []) : [];
  return steps.slice(0, -1).some((step, at) => {
    if (!isPlainName(step) || isBracketed(step)) return false;
    return isListItself({ type: 'path', steps: steps.slice(0, at + 1) }, context);
  });
}
