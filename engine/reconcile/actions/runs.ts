/**
 * All runs of one resource and how they hang together: who holds the lock, which run is a part of which, and whose vars
 * shadow the watch's.
 */
import type { JsonObject } from '../../kube/object.ts';
import type { Watch } from '../../playbook/model.ts';
import type { Snapshot } from '../model.ts';
import { stepKey } from './names.ts';
import { isActive, isEnded, parseRun, type Run, type StepRecord } from './run.ts';

export class RunSet {
  /** Oldest first. */
  readonly all: readonly Run[];
  readonly roots: readonly Run[];

  constructor(runs: readonly Run[]) {
    this.all = runs.toSorted((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
    this.roots = this.all.filter(({ parent }) => parent === undefined);
  }

  /** The run that a step's attempt has begun. */
  childOf(run: Run, record: StepRecord): Run | undefined {
    return this.all.find(
      ({ parent }) =>
        parent?.uid === run.uid &&
        parent.step === stepKey(record) &&
        parent.attempt === record.attempt &&
        parent.item === record.item,
    );
  }

  /** The run and those that go on inside it, outermost first. */
  lineOf(run: Run): readonly Run[] {
    const current = run.status.steps.at(-1);
    const child = current === undefined ? undefined : this.childOf(run, current);
    return child === undefined ? [run] : [run, ...this.lineOf(child)];
  }

  /** The run that nothing may begin beside. */
  get holder(): Run | undefined {
    return this.roots.find(holdsLock);
  }

  get interrupted(): readonly Run[] {
    return this.roots.filter(({ status }) => status.phase === 'Interrupted');
  }

  /** A part of a run goes on although the attempt that began it is over: it is to end. */
  isForsaken(run: Run): boolean {
    if (run.parent === undefined) return false;
    const parent = this.all.find(({ uid }) => uid === run.parent?.uid);
    const record = parent?.status.steps.at(-1);
    if (parent === undefined || record === undefined) return true;
    const goesOn = isActive(parent) || parent.status.phase === 'Halted';
    return !goesOn || record.phase !== 'Running' || this.childOf(parent, record)?.uid !== run.uid;
  }

  /** The UIDs of a run and of the runs that it is a part of, innermost first. */
  upFrom({ uid, parent }: Run): readonly string[] {
    const above = this.all.find((run) => run.uid === parent?.uid);
    return above === undefined ? [uid] : [uid, ...this.upFrom(above)];
  }

  /** Whose vars shadow the watch's, outermost first: interrupted runs, then the one that holds the lock. */
  get line(): readonly Run[] {
    const { holder } = this;
    const lines = [...this.interrupted, ...(holder === undefined ? [] : [holder])].flatMap((run) =>
      this.lineOf(run),
    );
    const others = this.all.filter((run) => isActive(run) && !lines.includes(run));
    return [...lines, ...others].filter(hasVars);
  }
}

/** A failed run keeps its lock while it keeps its vars. */
function holdsLock({ status: { phase, released } }: Run): boolean {
  return ['Running', 'RollingBack', 'Halted'].includes(phase) || (phase === 'Failed' && !released);
}

function hasVars(run: Run): boolean {
  return !isEnded(run) || (run.status.phase === 'Failed' && !run.status.released);
}

/** The runs of this very resource; a requested one that names no uid is taken for it. */
export function readRuns({
  actions,
  resource,
  recall,
}: Pick<Snapshot, 'actions' | 'resource' | 'recall'>): RunSet {
  const uid = resource.metadata.uid;
  const runs = actions.runs.objects.map((object) => recall?.run(object) ?? parseRun(object));
  return new RunSet(runs.filter((run) => run.resourceUID === uid || isUnclaimed(run)));
}

function isUnclaimed({ resourceUID, trigger, status }: Run): boolean {
  return resourceUID === undefined && trigger === 'Request' && status.phase === 'Pending';
}

/** The vars that runs put over the watch's, innermost last and winning. */
export function shadowedVars(line: readonly Run[]): JsonObject {
  return Object.assign({}, ...line.flatMap(({ status }) => [status.vars, status.stepVars]));
}

/** True where giving back these vars would change what manifests render. */
export function shadows(watch: Watch, vars: JsonObject): boolean {
  return watch.vars.some(({ name }) => Object.hasOwn(vars, name));
}
