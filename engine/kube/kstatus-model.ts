/** What kstatus says of an object, and what it may be told. */

export type Status = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'Unknown';

export interface StatusResult {
  readonly status: Status;
  /** PascalCase. */
  readonly reason: string;
  readonly message: string;
}

export interface StatusOptions {
  /**
   * `child` (default) is how the engine judges what it keeps, where the letter of `kstatus` would mislead it:
   * a Job is Current when it is complete (not when it has started), a failed Pod is Failed (not Current), a claim that
   * waits for its first consumer is Current (its Pod waits for us), and a workload is judged only after its controller
   * has reported at all.
   */
  readonly rules?: 'child' | 'kstatus';
  /** True for a kind that a playbook serves: it is Current only with an observedGeneration. */
  readonly requireObservedGeneration?: boolean;
  /** Epoch ms; with it a Pod that can't be scheduled for 15 s is Failed, without it InProgress. */
  readonly now?: number;
}
