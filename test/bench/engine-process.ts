/** The engine as a process of its own, as a user runs it: `libretto run`, watched through its HTTP endpoint and /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../engine/embedded/ports.ts';
import { type Usage, usageOf } from './usage.ts';

export interface EngineOptions {
  readonly kubeconfigPath: string;
  readonly logDir: string;
  /** Default: the benchmark's own. */
  readonly playbookFolders?: readonly string[];
  readonly impersonate?: boolean;
  /** Default true, as users run it. */
  readonly leaderElect?: boolean;
}

const ROOT = join(import.meta.dirname, '../..');
const BENCH_PLAYBOOK = join(import.meta.dirname, 'playbook');
const LOOK_MS = 50;
const START_LIMIT_MS = 180_000;
const QUIET_LIMIT_MS = 120_000;

export class EngineProcess {
  private readonly child: ChildProcess;
  private readonly url: string;
  private readonly logFile: string;

  static async start({ kubeconfigPath, logDir, ...more }: EngineOptions): Promise<EngineProcess> {
    const [port = 0] = await freePorts(1);
    const logFile = join(logDir, 'engine.log');
    const log = openSync(logFile, 'a');
    const args = [
      'engine/main.ts',
      'run',
      `--kubeconfig=${kubeconfigPath}`,
      ...(more.playbookFolders ?? [BENCH_PLAYBOOK]).map((folder) => `--playbooks-dir=${folder}`),
      `--impersonate=${more.impersonate ?? false}`,
      `--leader-elect=${more.leaderElect ?? true}`,
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
    ];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', log, log] });
    closeSync(log);
    const engine = new EngineProcess(child, `http://127.0.0.1:${port}`, logFile);
    await engine.ready();
    return engine;
  }

  private constructor(child: ChildProcess, url: string, logFile: string) {
    this.child = child;
    this.url = url;
    this.logFile = logFile;
  }

  get usage(): Usage | undefined {
    return usageOf(this.child.pid ?? -1);
  }

  /** Resolves when no pass has run for `forMs` and none is due. */
  async quiet(forMs: number): Promise<void> {
    const limit = performance.now() + QUIET_LIMIT_MS;
    let last = '';
    let since = performance.now();
    while (performance.now() - since < forMs) {
      if (performance.now() > limit) throw new Error('the engine does not come to rest');
      await sleep(LOOK_MS);
      const now = await this.work();
      if (now !== last) since = performance.now();
      last = now;
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill('SIGTERM');
    await ended;
  }

  private async ready(): Promise<void> {
    const limit = performance.now() + START_LIMIT_MS;
    while ((await this.ask('/readyz'))?.ok !== true) {
      if (this.child.exitCode !== null) throw new Error(`the engine ended:\n${this.logTail()}`);
      if (performance.now() > limit) throw new Error(`the engine is not ready:\n${this.logTail()}`);
      await sleep(LOOK_MS);
    }
  }

  /** The metrics that change with each pass and each key in the queue. */
  private async work(): Promise<string> {
    const answer = await this.ask('/metrics');
    if (answer === undefined) throw new Error(`the engine does not answer:\n${this.logTail()}`);
    const lines = (await answer.text()).split('\n');
    return lines.filter((line) => /^(controller_runtime_reconcile_total|workqueue_depth)/.test(line)).join();
  }

  private async ask(path: string): Promise<Response | undefined> {
    try {
      return await fetch(this.url + path);
    } catch {
      return undefined;
    }
  }

  private logTail(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  }
}
