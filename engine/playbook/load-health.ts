/** The noun `health`: the conditions that the playbook itself judges. */
import { isMapNode, type LoadNode, type NamedNode, textOf } from './load-node.ts';
import { ANYWHERE, expressionAt, templateStringAt, type WatchScope } from './load-scope.ts';
import type { HealthRule } from './model.ts';

/** metav1.Condition's own rule for `type`. */
const CONDITION_TYPE = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
/** Conditions that the engine writes about its own work. */
const ENGINE_CONDITIONS = ['Reconciling', 'Stalled'];

const KSTATUS_CONDITIONS = ['Ready', ...ENGINE_CONDITIONS];

export function loadHealth(scope: WatchScope, node: LoadNode | undefined): readonly HealthRule[] {
  return (node === undefined ? [] : scope.document.entries(node)).flatMap((entry) => {
    reportType(scope, entry);
    const rule = loadRule(scope, entry);
    return rule === undefined ? [] : [rule];
  });
}

function loadRule(scope: WatchScope, entry: NamedNode): HealthRule | undefined {
  const { document } = scope;
  const long = isMapNode(entry);
  const when = expressionAt(scope, long ? document.get(entry, 'when') : entry, ANYWHERE);
  const reason = long ? textOf(document.get(entry, 'reason')) : undefined;
  const message = long ? templateStringAt(scope, document.get(entry, 'message'), ANYWHERE) : undefined;
  if (when === undefined) return undefined;
  return {
    type: entry.name,
    when,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

function reportType(scope: WatchScope, { name, keyPlace }: NamedNode): void {
  const meant = KSTATUS_CONDITIONS.find((each) => each !== name && each.toLowerCase() === name.toLowerCase());
  if (meant !== undefined)
    scope.problems.warn('BadConditionType', keyPlace, {
      message: `${name} is another condition than ${meant}`,
      hint: `write ${meant}`,
    });
  if (ENGINE_CONDITIONS.includes(name)) {
    const message = `the condition ${name} is the engine's own`;
    scope.problems.error('ReservedCondition', keyPlace, { message, hint: 'give yours another name' });
  } else if (!CONDITION_TYPE.test(name) || name.length > 316) {
    const message = `${JSON.stringify(name)} can't be a condition's type`;
    scope.problems.error('BadConditionType', keyPlace, {
      message,
      hint: 'use a word such as Ready or Available',
    });
  }
}
