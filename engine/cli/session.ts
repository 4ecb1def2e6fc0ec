/**
 * Commands that go on until they are interrupted: what they started is ended, the last first, however they end; a
 * control plane of their own is one of the things that they may start.
 */
import { type Clock, pause, systemClock } from '../base/clock.ts';
import { holdProcess } from '../base/hold.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../embedded/control-plane.ts';
import type { ExitCode } from './command.ts';
import type { Terminal } from './terminal.ts';

/** Ends what was started, the last first, whatever happens. */
class Cleanup {
  private readonly steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.steps.splice(0).reverse()) await step();
  }
}

export interface Session {
  readonly terminal: Terminal;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  readonly cleanup: Pick<Cleanup, 'add'>;
  readonly clock: Clock;
}

/** Exit code 0 where it was interrupted before its work came to an end. */
export function runSession(
  terminal: Terminal,
  work: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  return holdProcess(() => interruptible(terminal, work));
}

async function interruptible(
  terminal: Terminal,
  work: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const interrupt = new AbortController();
  const cleanup = new Cleanup();
  const endSignals = terminal.onInterrupt(() => {
    terminal.err('\nending …\n');
    interrupt.abort();
  });
  try {
    return await work({ terminal, signal: interrupt.signal, cleanup, clock: systemClock() });
  } catch (error) {
    if (interrupt.signal.aborted) return 0;
    throw error;
  } finally {
    await cleanup.run();
    endSignals();
  }
}

export async function untilAborted({ clock, signal }: Session): Promise<void> {
  while (!signal.aborted) await pause(clock, 3_600_000, signal);
}

/** A control plane that ends with the session. */
export async function startPlane(
  { terminal, signal, cleanup, clock }: Session,
  options: Pick<ControlPlaneOptions, 'kwokNodes' | 'dataDir' | 'progress'>,
): Promise<ControlPlane> {
  const plane = await startControlPlane({
    ...options,
    signal,
    clock,
    onCrash: (exit) => terminal.err(`a program of the control plane has ended: ${JSON.stringify(exit)}\n`),
  });
  cleanup.add(() => plane.stop());
  return plane;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
