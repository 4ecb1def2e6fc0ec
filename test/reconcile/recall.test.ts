/** What is recalled of the passes before saves work, and decides nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import { ownSchemas } from '../../engine/operator/own-schemas.ts';
import { loadPlaybook } from '../../engine/playbook/load.ts';
import type { Playbook } from '../../engine/playbook/model.ts';
import { applyChange } from '../../engine/reconcile/case/change.ts';
import type { Case } from '../../engine/reconcile/case/model.ts';
import { readCases } from '../../engine/reconcile/case/read.ts';
import { watchOf, worldOf } from '../../engine/reconcile/case/run.ts';
import type { Plan, Snapshot } from '../../engine/reconcile/model.ts';
import { planReconcile } from '../../engine/reconcile/plan.ts';

const FOLDER = new URL('../../playbooks', import.meta.url).pathname;

/** Compiled anew, nothing of it has ever been evaluated. */
function load(name: string): { playbook: Playbook; cases: readonly Case[] } {
  const files = new Map(
    readdirSync(join(FOLDER, name)).map((file) => [file, readFileSync(join(FOLDER, name, file), 'utf8')]),
  );
  const loaded = loadPlaybook(name, files, { schema: () => undefined });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(formatDiagnostic).join('\n'));
  const { playbook } = loaded;
  const readings = [...files].flatMap(([file, text]) =>
    file.endsWith('.case.yaml') ? [readCases(file, text, ownSchemas(playbook))] : [],
  );
  return { playbook, cases: readings.flatMap((reading) => (reading.kind === 'read' ? reading.cases : [])) };
}

function forgetful(snapshot: Snapshot): Snapshot {
  const { recall: _recall, ...rest } = snapshot;
  return rest;
}

/** The plans of each pass of a case: as the engine makes them, and those of an engine that has never made one. */
async function bothWays(name: string, index: number): Promise<readonly (readonly [Plan, Plan])[]> {
  const { playbook, cases } = load(name);
  const given = cases[index];
  const watch = given === undefined ? undefined : watchOf(given.resource, playbook);
  if (given === undefined || watch === undefined) return expect.fail('there is no such case');
  const world = worldOf(given, { playbook, schema: ownSchemas(playbook) });
  const pairs: (readonly [Plan, Plan])[] = [];
  for (const step of given.steps.slice(0, 4)) {
    applyChange(world, watch, step.change);
    for (let busy = true; busy && !world.gone; ) {
      const snapshot = world.snapshot();
      const fresh = watchOf(given.resource, load(name).playbook) ?? watch;
      const plan = await planReconcile(watch, snapshot);
      pairs.push([plan, await planReconcile(fresh, forgetful(snapshot))]);
      busy = world.carryOut(plan);
    }
  }
  return pairs;
}

describe('an engine that recalls plans as one that does not', () => {
  test.each(['memcached', 'webapp', 's3bucket'])(
    'for the first case of %s',
    { timeout: 120_000 },
    async (name) => {
      const pairs = await bothWays(name, 0);
      expect(pairs.length).toBeGreaterThan(3);
      for (const [recalled, fresh] of pairs) expect(recalled).toEqual(fresh);
    },
  );
});
