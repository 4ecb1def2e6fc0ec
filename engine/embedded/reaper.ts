/**
 * Ends the children when the engine itself is gone, however it went (SIGKILL included): a small shell holds the other end
 * of a pipe and hears of each child. When the pipe closes, it ends those that are left and removes the temporary data.
 */
import { spawn } from 'node:child_process';

export interface Reaper {
  add(pid: number): void;
  drop(pid: number): void;
  /** All children are gone: the shell ends too and removes nothing. */
  dismiss(): void;
}

/** $1: a folder to remove afterwards, or empty. Paused children are continued, since only then they hear SIGTERM. */
const SCRIPT = `
pids=
while read -r verb pid; do
  case $verb in
    add) pids="$pids $pid" ;;
    drop) rest=
      for one in $pids; do [ "$one" = "$pid" ] || rest="$rest $one"; done
      pids=$rest ;;
    dismiss) exit 0 ;;
  esac
done
for pid in $pids; do kill -TERM "$pid"; kill -CONT "$pid"; done
left=3
while [ $left -gt 0 ]; do
  alive=
  for pid in $pids; do kill -0 "$pid" && alive="$alive $pid"; done
  pids=$alive
  [ -n "$pids" ] || break
  sleep 1
  left=$((left - 1))
done
for pid in $pids; do kill -KILL "$pid"; done
[ -z "$1" ] || rm -rf -- "$1"
`;

export function startReaper(removeFolder: string | undefined): Reaper {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'libretto-reaper', removeFolder ?? ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const say = (line: string): void => {
    if (shell.stdin.writable) shell.stdin.write(`${line}\n`);
  };
  // Where the shell cannot start or ends early, the next start still finds the children through their list.
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  return {
    add: (pid) => say(`add ${pid}`),
    drop: (pid) => say(`drop ${pid}`),
    dismiss: () => {
      say('dismiss');
      shell.stdin.end();
    },
  };
}
