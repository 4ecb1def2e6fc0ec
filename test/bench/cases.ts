/**
 * How fast golden cases run: so many cases of one step for a playbook with two children, and the shipped playbooks' own,
 * in one process, round by round. Prints cases and steps a second of CPU (which other work on the machine takes away from
 * nobody) of the first round, when everything is new, and of the fastest one; asserts nothing.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type LoadedFolder, loadFolders } from '../../engine/cli/load-folders.ts';
import { ownSchemas } from '../../engine/operator/own-schemas.ts';
import type { Case } from '../../engine/reconcile/case/model.ts';
import { readCases } from '../../engine/reconcile/case/read.ts';
import { runCase } from '../../engine/reconcile/case/run.ts';
import { Recall } from '../../engine/reconcile/recall.ts';

const FOLDER = join(import.meta.dirname, '../../playbooks');
const WALKS = ['webapp', 's3bucket', 'sampledb', 'redis', 'mysql', 'etcd'];
/** Documents that one file may hold. */
const CASES_IN_A_FILE = 100;
const ROUNDS = 10;

async function main(size: number): Promise<void> {
  const [simple, ...walks] = await loadFolders(['memcached', ...WALKS].map((name) => join(FOLDER, name)));
  process.stdout.write(
    `${'cases'.padEnd(24)}number  steps   first round: cases, steps/s   fastest: cases, steps/s\n`,
  );
  if (simple !== undefined) await measure('of one step', simple, simpleCases(size));
  for (const folder of walks) await measure(folder.path.replace(/^.*\//, ''), folder, [...folder.files]);
}

/** By file. */
function simpleCases(size: number): readonly (readonly [string, string])[] {
  const texts = Array.from({ length: size }, (_, index) => simpleCase(index));
  return Array.from({ length: Math.ceil(size / CASES_IN_A_FILE) }, (_, file) => {
    const own = texts.slice(file * CASES_IN_A_FILE, (file + 1) * CASES_IN_A_FILE);
    return [`${file}.case.yaml`, own.join('---\n')] as const;
  });
}

function simpleCase(index: number): string {
  const size = 1 + (index % 5);
  return `resource:
  apiVersion: cache.example.com/v1
  kind: Memcached
  metadata: {name: cache-${index}}
  spec: {size: ${size}}
expect:
  writes: [create Service cache-${index}, create Deployment cache-${index}]
  children: {deployment: {spec: {replicas: ${size}}}}
  conditions: {Reconciling: "True"}
`;
}

async function measure(
  name: string,
  { result }: LoadedFolder,
  files: readonly (readonly [string, string])[],
): Promise<void> {
  if (result.kind === 'refused') throw new Error(`${name} is refused`);
  const { playbook } = result;
  const schema = ownSchemas(playbook);
  const cases = files.flatMap(([file, text]): readonly Case[] => {
    if (!file.endsWith('.case.yaml')) return [];
    const reading = readCases(file, text, schema);
    if (reading.kind === 'refused') throw new Error(`${file} is refused`);
    return reading.cases;
  });
  const recall = new Recall();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (const each of cases) await passed(runCase(each, { playbook, schema, recall }));
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  tell(name, cases, times);
}

async function passed(running: ReturnType<typeof runCase>): Promise<void> {
  const { kind, name, problems } = await running;
  if (kind === 'failed') throw new Error(`${name}: ${problems.map(({ message }) => message).join('; ')}`);
}

function tell(name: string, cases: readonly Case[], times: readonly number[]): void {
  const steps = cases.reduce((sum, each) => sum + each.steps.length, 0);
  const rate = (count: number, milliseconds: number): string =>
    ((1000 * count) / milliseconds).toLocaleString('en', { maximumSignificantDigits: 3 }).padStart(8);
  const both = (milliseconds = 0): string =>
    `${rate(cases.length, milliseconds)}${rate(steps, milliseconds)}`;
  const numbers = `${String(cases.length).padStart(6)}${String(steps).padStart(7)}`;
  process.stdout.write(
    `${name.padEnd(24)}${numbers}${both(times[0]).padStart(31)}${both(Math.min(...times)).padStart(26)}\n`,
  );
}

const { values } = parseArgs({ options: { size: { type: 'string', default: '2000' } } });
await main(Number(values.size));
