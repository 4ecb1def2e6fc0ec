/** What a process uses, as Linux tells in /proc; undefined elsewhere, and where the process has ended. */
import { readFileSync } from 'node:fs';

export interface Usage {
  readonly residentBytes: number;
  /** The most that was ever resident. */
  readonly peakBytes: number;
  /** User and system time since its start. */
  readonly cpuSeconds: number;
}

/** USER_HZ, the unit of times in /proc: 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

export function usageOf(pid: number): Usage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      residentBytes: kibibytes(status, 'VmRSS') * 1024,
      peakBytes: kibibytes(status, 'VmHWM') * 1024,
      cpuSeconds: cpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** Fields 14 and 15 (proc_pid_stat(5)); the second, the program's name, may hold blanks and ends with the last `)`. */
function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
