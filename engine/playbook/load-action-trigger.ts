/** What starts an action: the key `on`. */
import { durationAt } from './action-duration.ts';
import type { Trigger } from './action-model.ts';
import { scheduleProblem, timeZoneProblem } from './cron.ts';
import { flagOf, type LoadNode, textOf } from './load-node.ts';
import { ANYWHERE, expressionAt, templateStringAt, type WatchScope } from './load-scope.ts';

const NEVER: Trigger = { create: false, delete: false, request: false, forSeconds: 0, jitterSeconds: 0 };
/** A key of `on` that says something only beside another one. */
const BESIDE = [
  ['for', 'when'],
  ['timeZone', 'schedule'],
  ['jitter', 'schedule'],
  ['suspend', 'schedule'],
] as const;

export function loadTrigger(scope: WatchScope, node: LoadNode | undefined): Trigger {
  if (node === undefined) return NEVER;
  const { document } = scope;
  const key = (name: string) => document.get(node, name);
  checkCombinations(scope, node);
  checkSchedule(scope, key('schedule'), key('timeZone'));
  const when = expressionAt(scope, key('when'), ANYWHERE);
  const schedule = templateStringAt(scope, key('schedule'), ANYWHERE);
  const timeZone = templateStringAt(scope, key('timeZone'), ANYWHERE);
  const suspend = expressionAt(scope, key('suspend'), ANYWHERE);
  return {
    create: flagOf(key('create')) ?? false,
    delete: flagOf(key('delete')) ?? false,
    request: flagOf(key('request')) ?? false,
    forSeconds: durationAt(scope, key('for'), 0) ?? 0,
    jitterSeconds: durationAt(scope, key('jitter'), 0) ?? 0,
    ...(when === undefined ? {} : { when }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(suspend === undefined ? {} : { suspend }),
  };
}

/** True where nothing ever starts the action by itself. */
export function isSilent({ create, delete: final, request, when, schedule }: Trigger): boolean {
  return !create && !final && !request && when === undefined && schedule === undefined;
}

function checkCombinations({ document, problems }: WatchScope, node: LoadNode): void {
  for (const [name, wanted] of BESIDE) {
    const found = document.get(node, name);
    if (found === undefined || document.get(node, wanted) !== undefined) continue;
    const message = `${name} says nothing without ${wanted}`;
    problems.error('BadCombination', found.keyPlace, { message, hint: `add ${wanted}, or remove it` });
  }
}

/** What is literal is judged now; what has values, when they come. */
function checkSchedule(
  { problems }: WatchScope,
  schedule: LoadNode | undefined,
  timeZone: LoadNode | undefined,
): void {
  const line = literal(schedule);
  const zone = literal(timeZone) ?? 'UTC';
  const badZone = timeZoneProblem(zone);
  if (timeZone !== undefined && badZone !== undefined) {
    const hint = 'take a name of the IANA list, such as UTC or Europe/Berlin';
    problems.error('BadTimeZone', timeZone.place, { message: badZone, hint });
  }
  if (schedule === undefined || line === undefined) return;
  const message = scheduleProblem(line);
  const hint = 'minute, hour, day of month, month, day of week: "30 2 * * *" is daily at 02:30';
  if (message !== undefined) problems.error('BadSchedule', schedule.place, { message, hint });
}

function literal(node: LoadNode | undefined): string | undefined {
  const text = textOf(node);
  return text?.includes('{{') === true ? undefined : text;
}
