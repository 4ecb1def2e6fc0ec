/** Waits until the engine has answered on playbooks that were just written, and tells what it says. */
import { pause, systemClock } from '../base/clock.ts';
import { type AwaitedContent, awaitAnswer, type Told } from '../operator/await-answer.ts';
import type { ExitCode } from './command.ts';
import type { Flags, FlagValues } from './flags.ts';
import type { LiveCluster } from './live-cluster.ts';
import type { Terminal } from './terminal.ts';

export const WAIT_FLAGS = {
  wait: {
    type: 'boolean',
    default: true,
    help: 'wait until the engine runs it, also where it reaches one resource after the other',
  },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    default: 120,
    help: 'wait no longer than this for the engine to answer; 0: as long as it takes',
  },
} as const satisfies Flags;

interface Input {
  readonly live: LiveCluster;
  readonly values: FlagValues<typeof WAIT_FLAGS>;
  readonly terminal: Terminal;
}

/** Exit code 1 where one of them is not running then. */
export async function waitForEngine(wanted: readonly AwaitedContent[], input: Input): Promise<ExitCode> {
  const interrupted = new AbortController();
  const stop = input.terminal.onInterrupt(() => interrupted.abort());
  try {
    const ends = await Promise.all(wanted.map((one) => waitForOne(one, input, interrupted.signal)));
    return ends.every((running) => running) ? 0 : 1;
  } finally {
    stop();
    interrupted.abort();
  }
}

async function waitForOne(wanted: AwaitedContent, input: Input, signal: AbortSignal): Promise<boolean> {
  const { live, terminal, values } = input;
  const told = await within(values.timeout, signal, (limited) => awaitAnswer(live.cluster, wanted, limited));
  if (told === undefined) return tellSilence(wanted, terminal);
  if (told.answer.state !== 'RollingOut') return tell(wanted.name, told, terminal);
  const before = told.answer.running?.version ?? '';
  terminal.out(
    `${wanted.name}: reaches a sample of the resources first; version ${before} goes on for the others\n`,
  );
  const end = await awaitAnswer(live.cluster, { ...wanted, toTheEnd: true }, signal);
  if (end !== undefined) return tell(wanted.name, end, terminal);
  terminal.err(`${wanted.name}: the engine goes on with it; libretto list shows how far it is\n`);
  return false;
}

async function within<T>(
  seconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  if (seconds > 0) void pause(systemClock(), seconds * 1000, both).then(() => limit.abort());
  try {
    return await work(both);
  } finally {
    limit.abort();
  }
}

function tellSilence({ name, namespace, stale }: AwaitedContent, terminal: Terminal): false {
  terminal.err(
    stale === undefined
      ? `${name}: no engine has answered; it is installed, and begins when an engine sees it (kubectl -n ${namespace} get pods)\n`
      : `${name}: still refused, for what libretto list shows\n`,
  );
  return false;
}

function tell(name: string, { answer, problems }: Told, terminal: Terminal): boolean {
  const { state, running } = answer;
  for (const problem of problems) terminal.err(`${name}/${problem}\n`);
  if (state === 'Running') terminal.out(`${name}: version ${running?.version ?? ''} runs\n`);
  else {
    const what = state === 'Stopped' ? 'the roll-out has stopped' : 'the engine refuses it';
    terminal.err(
      `${name}: ${what}; ${running === undefined ? 'nothing of it runs' : `version ${running.version} goes on`}\n`,
    );
  }
  return state === 'Running';
}
