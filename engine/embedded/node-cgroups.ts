/** The control groups of a node's pods: under one name of its own in every hierarchy, removed when the node is gone. */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, pause } from '../base/clock.ts';
import { identify } from './identity.ts';

export interface NodeCgroups {
  /** As kubelet's `cgroupRoot`. */
  readonly root: string;
  /** The pods' processes must have ended. */
  remove(): Promise<void>;
}

const MOUNT = '/sys/fs/cgroup';
const PREFIX = 'libretto-';
const TRIES = 40;
const PAUSE_MS = 50;
/** Of the processor, by version 1 and 2. All pods together would weigh as much as one process of a busy machine else. */
const WEIGHTS = { 'cpu.shares': 16_384, 'cpu.weight': 1_600 };

/** The name holds this process's pid, so that the groups of a process that died can be told and removed. */
export function createCgroups(clock: Clock, device: string): NodeCgroups {
  const hierarchies = listHierarchies();
  for (const hierarchy of hierarchies) sweep(hierarchy);
  const name = `${PREFIX}${process.pid}-${device}`;
  for (const hierarchy of hierarchies) {
    mkdirSync(join(hierarchy, name), { recursive: true });
    weigh(join(hierarchy, name));
  }
  return {
    root: `/${name}`,
    async remove() {
      for (let tries = 0; tries < TRIES; tries++) {
        const left = hierarchies.filter((hierarchy) => !removeTree(join(hierarchy, name)));
        if (left.length === 0) return;
        await pause(clock, PAUSE_MS);
      }
    },
  };
}

function weigh(folder: string): void {
  for (const [file, weight] of Object.entries(WEIGHTS))
    if (existsSync(join(folder, file))) writeFileSync(join(folder, file), String(weight));
}

/** Version 2 has one hierarchy, version 1 one for each controller (some under two names, as links). */
function listHierarchies(): string[] {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT];
  return readdirSync(MOUNT)
    .map((name) => join(MOUNT, name))
    .filter((folder) => lstatSync(folder).isDirectory() && existsSync(join(folder, 'cgroup.procs')));
}

function sweep(hierarchy: string): void {
  for (const name of readdirSync(hierarchy)) {
    const [, pid] = /^libretto-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && identify(Number(pid)) === undefined) removeTree(join(hierarchy, name));
  }
}

/** Only the folders can be removed, and only from the leaves up; the files in them go along. */
function removeTree(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false; // Its last process is just ending.
  }
}
