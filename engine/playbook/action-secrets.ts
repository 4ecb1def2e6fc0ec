/**
 * Warnings about values that end up where others read them: a command line stands in the API server's audit log, the
 * status of a run is read by everybody who may see it; and about values that a shell would take for its own language.
 */
import type { GroupVersionKind } from '../kube/object.ts';
import type { Action, Probe, Step } from './action-model.ts';
import type { Names } from './check-references.ts';
import type { NamedExpression, Reference, TemplateString } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { WatchScope } from './load-scope.ts';

const SHELL = /(^|\/)(a|ba|da|k|z)?sh$/;

/** `sh -c` with a value in its text: trees protect YAML, not a shell. */
export function lintCommand({ problems }: WatchScope, command: readonly TemplateString[]): void {
  const script = scriptOf(command);
  if (script === undefined || script.references.length === 0) return;
  const hint = 'pass the value as an argument behind the text and write "$0", "$1" …, or by stdin';
  const message = 'a shell reads the value as a part of its program';
  problems.warn('TemplateInShell', script.place, { message, hint });
}

/** The argument that a shell runs as its program. */
function scriptOf(command: readonly TemplateString[]): TemplateString | undefined {
  const shell = command.findIndex(({ source }) => SHELL.test(source));
  if (shell < 0) return undefined;
  const rest = command.slice(shell + 1);
  const options = rest.findIndex(({ source }) => !/^[-+]/.test(source));
  const given = options < 0 ? rest : rest.slice(0, options);
  return given.some(({ source }) => /^-[A-Za-z]*c[A-Za-z]*$/.test(source)) ? rest[options] : undefined;
}

export interface SecretFacts {
  readonly problems: Problems;
  readonly names: Names;
  readonly vars: readonly NamedExpression[];
}

export function lintSecrets(actions: readonly Action[], probes: readonly Probe[], facts: SecretFacts): void {
  for (const { call } of probes) if (call.kind === 'exec') lintExec(call.command, facts);
  for (const action of actions) lintAction(action, facts);
}

function lintAction({ vars, steps, rollback }: Action, facts: SecretFacts): void {
  const inRun = { ...facts, vars: [...vars, ...facts.vars] };
  lintStatus(
    vars.map(({ expression }) => expression),
    facts,
  );
  const secret = new Set(
    [...steps, ...rollback].flatMap(({ name, secretOutputs }) =>
      secretOutputs.map((output) => `outputs.${name}.${output}`),
    ),
  );
  for (const step of [...steps, ...rollback]) lintStep(step, inRun, secret);
}

function lintStep(step: Step, facts: SecretFacts, secretOutputs: ReadonlySet<string>): void {
  const inStep: StepFacts = { ...facts, vars: [...step.vars, ...facts.vars], secretOutputs };
  const open = step.outputs.filter(({ name }) => !step.secretOutputs.includes(name));
  const said = [...step.vars, ...open].map(({ expression }) => expression);
  lintStatus([...said, ...(step.message === undefined ? [] : [step.message])], inStep);
  if (step.kind === 'exec') lintExec(step.command, inStep);
  if (step.kind === 'run' && step.params !== undefined) lintStatus([step.params], inStep);
  if (step.kind === 'set')
    lintStatus(
      step.fields.map(({ expression }) => expression),
      inStep,
    );
}

interface StepFacts extends SecretFacts {
  readonly secretOutputs?: ReadonlySet<string>;
}

function lintExec(command: readonly TemplateString[], facts: StepFacts): void {
  const found = command.flatMap(({ references }) => references).find((each) => readsSecret(each, facts));
  if (found === undefined) return;
  const message = "a command line stands in the API server's audit log, and this holds a Secret's value";
  const hint = 'give it by stdin, or let the command read it from a mounted Secret';
  facts.problems.warn('SecretInCommand', found.place, { message, hint });
}

function lintStatus(
  readers: readonly { readonly references: readonly Reference[] }[],
  facts: StepFacts,
): void {
  for (const { references } of readers) {
    const found = references.find((each) => readsSecret(each, facts));
    if (found === undefined) continue;
    const message = "this stands in a status for everybody to read, and it holds a Secret's value";
    const hint = 'read the Secret in the template of the Job, or make it a step output with secret: true';
    facts.problems.warn('SecretInStatus', found.place, { message, hint });
  }
}

function readsSecret({ root, path }: Reference, facts: StepFacts, seen: Set<string> = new Set()): boolean {
  const [first = '', second] = path;
  switch (root) {
    case 'object':
      return isSecret(facts.names.resource) && isOpen(path);
    case 'children':
    case 'rendered': {
      const documents = facts.names.children?.get(first)?.documents ?? [];
      const one = documents.length === 1;
      return documents
        .filter(({ name }) => one || second === undefined || name === second)
        .some(({ gvk }) => isSecret(gvk) && isOpen(path.slice(one ? 1 : 2)));
    }
    case 'observe': {
      const gvk = facts.names.observed.get(first)?.gvk;
      return gvk !== undefined && isSecret(gvk) && isOpen(path.slice(1));
    }
    case 'vars': {
      if (seen.has(first)) return false;
      seen.add(first);
      const found = facts.vars.find(({ name }) => name === first);
      return found?.expression.references.some((each) => readsSecret(each, facts, seen)) ?? false;
    }
    case 'run':
      return (
        facts.secretOutputs?.has(
          path
            .filter((part) => !/^\d+$/.test(part))
            .slice(0, 3)
            .join('.'),
        ) ?? false
      );
    default:
      return false;
  }
}

function isSecret({ group, kind }: Pick<GroupVersionKind, 'group' | 'kind'>): boolean {
  return group === '' && kind === 'Secret';
}

/** Metadata and type are no secret. The object as a whole is not taken for its value: `$ready(children.secret)`. */
function isOpen(path: readonly string[]): boolean {
  const name = path.find((part) => !/^\d+$/.test(part));
  return name === 'data' || name === 'stringData';
}
