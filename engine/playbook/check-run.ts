/** Judges what an action reads of its run: `run.params.X`, `run.outputs.STEP.X`, `run.failed`, `result.X`. */
import { FAILED_FIELDS, RUN_FIELDS } from './action-model.ts';
import type { Reference } from './language.ts';
import type { Problems } from './load-problems.ts';
import type { Use } from './load-scope.ts';
import type { OutputNames, RunNames } from './run-names.ts';
import { didYouMean } from './suggest.ts';

export function checkRun(reference: Reference, use: Use, problems: Problems): void {
  const { run } = use.position;
  const [field, ...path] = reference.path;
  if (run === undefined || field === undefined) return;
  if (!RUN_FIELDS.some((known) => known === field)) {
    const hint = didYouMean(field, RUN_FIELDS, 'run.');
    problems.error('UnknownPath', reference.place, { message: `a run has no ${field}`, hint });
  } else if (field === 'params') checkParam(reference, run, problems);
  else if (field === 'failed') checkFailed(reference, run, problems);
  else if (field === 'outputs') checkOutput(reference, path, { run, reader: use.reader, problems });
}

function checkParam({ path, place }: Reference, run: RunNames, problems: Problems): void {
  const [, name] = path;
  if (name === undefined || run.params === undefined || run.params.has(name)) return;
  const hint = didYouMean(name, [...run.params], 'run.params.') ?? "add it to the action's params";
  problems.error('UnknownParam', place, { message: `the action has no parameter ${name}`, hint });
}

function checkFailed({ path, place }: Reference, run: RunNames, problems: Problems): void {
  const [, name] = path;
  if (!run.failed) {
    const message = 'run.failed has a value only in rollback';
    problems.error('RootNotHere', place, { message, hint: 'move the step to rollback' });
  } else if (name !== undefined && !FAILED_FIELDS.some((known) => known === name)) {
    const hint = didYouMean(name, FAILED_FIELDS, 'run.failed.');
    problems.error('UnknownPath', place, { message: `run.failed has no ${name}`, hint });
  }
}

interface OutputCheck {
  readonly run: RunNames;
  readonly reader: Use['reader'];
  readonly problems: Problems;
}

function checkOutput({ place }: Reference, path: readonly string[], check: OutputCheck): void {
  const { run, problems } = check;
  const [step, ...rest] = path;
  if (step === undefined) return;
  const known = run.outputs.get(step);
  if (known !== undefined) {
    checkOutputName(place, rest, { ...check, step, known });
  } else if (run.steps.includes(step)) {
    const message = `the step ${step} has not ended here`;
    problems.error('UnknownOutput', place, { message, hint: 'read outputs of earlier steps' });
  } else {
    const hint = didYouMean(step, [...run.outputs.keys()], 'run.outputs.');
    problems.error('UnknownOutput', place, { message: `the action has no step ${step}`, hint });
  }
}

function checkOutputName(
  place: Reference['place'],
  path: readonly string[],
  { step, known, reader, problems }: OutputCheck & { readonly step: string; readonly known: OutputNames },
): void {
  const numbered = /^\d+$/.test(path[0] ?? '');
  const name = known.list && numbered ? path[1] : path[0];
  if (name === undefined || (name === 'length' && known.list)) return;
  if (!known.names.includes(name)) {
    const hint = didYouMean(name, known.names, `run.outputs.${step}.`) ?? 'add it to its outputs';
    problems.error('UnknownOutput', place, { message: `the step ${step} has no output ${name}`, hint });
  } else if (known.list && !numbered && reader === 'template') {
    const message = `run.outputs.${step} is a list; ${name} stands in its items`;
    const hint = `go through it with {{#each run.outputs.${step}}}`;
    problems.error('UnknownPath', place, { message, hint });
  }
}

export function checkResult({ path, place }: Reference, { position }: Use, problems: Problems): void {
  const [name] = path;
  const { result = [] } = position;
  if (name === undefined || result.includes(name)) return;
  const hint = didYouMean(name, result, 'result.');
  problems.error('UnknownPath', place, { message: `the result of this step has no ${name}`, hint });
}
