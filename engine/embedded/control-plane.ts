/**
 * A Kubernetes control plane of one's own: the real programs on the loopback interface, with keys and data in one folder.
 * Promises: ready when `startControlPlane` resolves; every process it started has ended when `stop` resolves, and ends too
 * where the engine dies without it.
 */

import { rm } from 'node:fs/promises';
import type { Credentials } from '../base/certificates.ts';
import { type Clock, pause, systemClock } from '../base/clock.ts';
import { type Environment, processEnvironment } from '../base/environment.ts';
import { EngineError } from '../base/errors.ts';
import { holdProcess } from '../base/hold.ts';
import { type AdminClient, createAdminClient } from './admin-client.ts';
import * as components from './components.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { createKwokNodes, createStorageClass, hostPathVolumes, nodesAreReady } from './furnishing.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { type Prepared, prepareLayout } from './layout.ts';
import { type ChildProcess, describeExit, type ProcessExit, startProcess } from './processes.ts';
import { findPrograms } from './programs.ts';
import type { Progress } from './progress.ts';
import { waitUntil } from './readiness.ts';
import { startReaper } from './reaper.ts';

export interface ControlPlaneOptions {
  /** Kept between starts; without it a temporary folder that goes when the control plane stops. */
  readonly dataDir?: string;
  /** How many nodes KWOK plays; 0 (the default) starts no KWOK. */
  readonly kwokNodes?: number;
  /** Writes each request's metadata to `auditLogPath`. */
  readonly auditLog?: boolean;
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
  /** Fixed ports; those not named are free ones. */
  readonly ports?: Partial<components.Ports>;
  /** Another address than 127.0.0.1, for real nodes; the API server then listens on all interfaces. */
  readonly address?: string;
  /** Default: `logs` in the data folder. */
  readonly logDir?: string;
  readonly progress?: Progress;
  /** Told of each child that ends by itself once the control plane is up. */
  readonly onCrash?: (exit: ProcessExit) => void;
  /** Ends an unfinished start. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly environment?: Environment;
}

export interface ControlPlane {
  readonly kubeconfigPath: string;
  /** The administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly server: string;
  /** The authority's certificate, PEM. */
  readonly caData: string;
  readonly admin: Credentials;
  readonly dataDir: string;
  readonly logDir: string;
  readonly auditLogPath: string | undefined;
  readonly ports: components.Ports;
  readonly processes: ReadonlyMap<components.Component, ChildProcess>;
  /** A kubeconfig for another user, with a certificate of its own; `groups` as RBAC names them. */
  kubeconfigFor(user: string, groups: readonly string[]): Promise<string>;
  /** Ends a component where it still runs, starts it anew and waits until the API server is ready again. */
  restart(name: components.Component): Promise<void>;
  /** Resolves when /readyz answers ok. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const READY_MS = 120_000;
const GRACE_MS = 10_000;
/** With clients connected it would wait for them; it keeps nothing of its own, so a kill does no harm. */
const API_SERVER_GRACE_MS = 2_000;
const TEMPORARY_GRACE_MS = 1_500;
const VOLUMES_MS = 1_000;

export function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  return holdProcess(async () => {
    const clock = options.clock ?? systemClock();
    const environment = options.environment ?? processEnvironment();
    const nodes = options.kwokNodes ?? 0;
    const wanted = components.COMPONENTS.filter((name) => name !== 'kwok' || nodes > 0);
    const programs = await findPrograms(wanted, {
      environment,
      clock,
      ...pick(options, 'progress', 'signal'),
    });
    const folder = await openDataFolder(clock, options.dataDir);
    return startInFolder({ options, clock, nodes, programs, folder });
  });
}

interface Start {
  readonly options: ControlPlaneOptions;
  readonly clock: Clock;
  readonly nodes: number;
  readonly programs: ReadonlyMap<string, string>;
  readonly folder: DataFolder;
}

async function startInFolder(start: Start): Promise<ControlPlane> {
  const { options, clock, folder, nodes } = start;
  let prepared: Prepared;
  try {
    prepared = await prepareLayout({ options, clock, folder });
  } catch (error) {
    await folder.release();
    throw error;
  }
  const running = new Running(start, prepared);
  try {
    await running.start(nodes);
    return running.describe();
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** The children of one control plane, and what is done with them. */
class Running {
  readonly #start: Start;
  readonly #prepared: Prepared;
  readonly #children = new Map<components.Component, ChildProcess>();
  readonly #reaper;
  readonly #client: AdminClient;
  #up = false;
  #crash: ProcessExit | undefined;
  #stopping: Promise<void> | undefined;

  constructor(start: Start, prepared: Prepared) {
    this.#start = start;
    this.#prepared = prepared;
    this.#reaper = startReaper(start.folder.temporary ? start.folder.path : undefined);
    const { server, caData, admin } = prepared;
    this.#client = createAdminClient({ server, caData, credentials: admin });
  }

  async start(nodes: number): Promise<void> {
    const began = this.#start.clock.monotonic();
    const tell = (state: 'started' | 'done'): void =>
      this.#start.options.progress?.({
        step: 'starting the control plane',
        state,
        elapsedMs: this.#start.clock.monotonic() - began,
      });
    tell('started');
    await this.#launch('etcd');
    await this.#launch('kube-apiserver');
    await this.ready();
    await this.#launch('kube-controller-manager');
    await this.#launch('kube-scheduler');
    if (nodes > 0) await this.#launch('kwok');
    await this.#furnish(nodes);
    this.#up = true;
    tell('done');
  }

  async #furnish(nodes: number): Promise<void> {
    await createStorageClass(this.#client);
    await createKwokNodes(this.#client, nodes);
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    await this.#wait(
      'the default ServiceAccount',
      async () => (await this.#client.send('GET', account)).status === 200,
    );
    await this.#wait('the nodes', () => nodesAreReady(this.#client, nodes));
  }

  async #launch(name: components.Component): Promise<void> {
    const program = this.#start.programs.get(name);
    if (program === undefined) throw notStarted(name);
    const args = components.componentArguments(name, this.#prepared.layout);
    const spawner = {
      clock: this.#start.clock,
      logDir: this.#prepared.logDir,
      reaper: this.#reaper,
      list: this.#start.folder.list,
      onCrash: (exit: ProcessExit): void => this.#crashed(exit),
    };
    this.#children.set(name, await startProcess(spawner, { name, program, args }));
  }

  #crashed(exit: ProcessExit): void {
    this.#crash ??= exit;
    if (this.#up && this.#stopping === undefined) this.#start.options.onCrash?.(exit);
  }

  ready(): Promise<void> {
    return this.#wait(
      'the API server',
      async () => (await this.#client.send('GET', '/readyz')).status === 200,
    );
  }

  #wait(what: string, done: () => Promise<boolean>): Promise<void> {
    return waitUntil({
      what,
      done,
      clock: this.#start.clock,
      timeoutMs: READY_MS,
      signal: this.#start.options.signal,
      failed: () => (this.#crash === undefined ? undefined : describeExit(this.#crash)),
    });
  }

  async restart(name: components.Component): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) throw notStarted(name);
    await child.end(name === 'kube-apiserver' ? API_SERVER_GRACE_MS : GRACE_MS);
    this.#crash = undefined;
    await this.#launch(name);
    await this.ready();
  }

  /** Clients before servers: nothing then waits for an answer that can't come. */
  stop(): Promise<void> {
    this.#stopping ??= holdProcess(async () => {
      const grace = this.#start.folder.temporary ? TEMPORARY_GRACE_MS : GRACE_MS;
      const end = (name: components.Component): Promise<void> =>
        this.#children.get(name)?.end(grace) ?? Promise.resolve();
      if (this.#start.folder.temporary) await this.#removeVolumes();
      this.#client.close();
      await Promise.all([end('kwok'), end('kube-scheduler'), end('kube-controller-manager')]);
      await end('kube-apiserver');
      await end('etcd');
      this.#reaper.dismiss();
      await this.#start.folder.release();
    });
    return this.#stopping;
  }

  /** What can't be asked for any more stays: empty folders in /tmp. */
  async #removeVolumes(): Promise<void> {
    if (this.#children.get('kube-apiserver')?.running !== true) return;
    const asked = hostPathVolumes(this.#client).catch(() => []);
    const volumes = await Promise.race([asked, pause(this.#start.clock, VOLUMES_MS).then(() => [])]);
    await Promise.all(volumes.map((folder) => rm(folder, { recursive: true, force: true })));
  }

  describe(): ControlPlane {
    const { server, caData, admin, layout, logDir, kubeconfigPath, kubeconfig } = this.#prepared;
    return {
      ...{ server, caData, admin, logDir, kubeconfigPath, kubeconfig },
      dataDir: layout.dataDir,
      auditLogPath: layout.audit?.logFile,
      ports: layout.ports,
      processes: this.#children,
      kubeconfigFor: async (user, groups) => {
        const credentials = await layout.pki.issueClient(user, groups);
        return kubeconfigText({ name: 'libretto', server, caData, credentials });
      },
      restart: (name) => holdProcess(() => this.restart(name)),
      ready: () => holdProcess(() => this.ready()),
      stop: () => this.stop(),
    };
  }
}

function notStarted(name: components.Component): EngineError {
  const hint = 'KWOK is started where kwokNodes is 1 or more';
  return new EngineError('ComponentNotStarted', `${name} is no part of this control plane`, { hint });
}

/** The named options that are set: an absent one stays absent (exactOptionalPropertyTypes). */
function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  const result: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) result[key] = from[key];
  return result;
}
