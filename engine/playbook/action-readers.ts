/** Everything in actions and probes that reads values, and the kinds that steps touch. */
import type { GroupVersionKind } from '../kube/object.ts';
import type { Action, ExecCall, HttpCall, Probe, Step } from './action-model.ts';
import type { NamedExpression, Reference } from './language.ts';

interface Reader {
  readonly references: readonly Reference[];
}

type Readers = readonly (Reader | undefined)[];

export function actionReferences(actions: readonly Action[]): readonly Reference[] {
  return referencesOf(actions.flatMap(actionReaders));
}

export function probeReferences(probes: readonly Probe[]): readonly Reference[] {
  return referencesOf(probes.flatMap(({ forEach, key, call }) => [forEach, key, ...callReaders(call)]));
}

/** Kinds of which a step looks for objects or makes some. */
export function touchedKinds(actions: readonly Action[]): readonly GroupVersionKind[] {
  return actions
    .flatMap(({ steps, rollback }) => [...steps, ...rollback])
    .flatMap((step): readonly GroupVersionKind[] => {
      if (step.kind === 'delete') return [step.target.gvk];
      if (step.kind !== 'job' && step.kind !== 'apply') return [];
      return step.template.documents.map(({ group, version, kind }) => ({ group, version, kind }));
    });
}

function referencesOf(readers: Readers): readonly Reference[] {
  return readers.flatMap((reader) => reader?.references ?? []);
}

function actionReaders({ on, vars, steps, rollback }: Action): Readers {
  const triggers = [on.when, on.schedule, on.timeZone, on.suspend];
  return [...triggers, ...expressions(vars), ...[...steps, ...rollback].flatMap(stepReaders)];
}

function expressions(named: readonly NamedExpression[]): Readers {
  return named.map(({ expression }) => expression);
}

function stepReaders(step: Step): Readers {
  const { when, unless, forEach, message, vars, outputs } = step;
  return [
    when,
    unless,
    forEach,
    message,
    ...expressions(vars),
    ...expressions(outputs),
    ...workReaders(step),
  ];
}

function workReaders(step: Step): Readers {
  switch (step.kind) {
    case 'job':
    case 'apply':
      return [step.template];
    case 'exec':
    case 'http':
      return callReaders(step);
    case 'wait':
      return [step.until];
    case 'set':
      return expressions(step.fields);
    case 'delete': {
      const { namespace, by } = step.target;
      return [namespace, ...(by.kind === 'name' ? [by.name] : Object.values(by.labels))];
    }
    case 'run':
      return [step.params];
    case 'commit':
      return [];
  }
}

function callReaders(
  call: ({ readonly kind: 'exec' } & ExecCall) | ({ readonly kind: 'http' } & HttpCall),
): Readers {
  if (call.kind === 'exec') return [call.pod, call.container, call.namespace, call.stdin, ...call.command];
  return [call.url, call.body, call.ca, ...Object.values(call.headers)];
}
