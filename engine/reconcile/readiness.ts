/** Is a child what its manifest asks for? By the manifest's own `ready` rule, else by kstatus. */
import { withZeroCounters } from '../kube/counters.ts';
import { computeStatus } from '../kube/kstatus.ts';
import { describeRef } from '../kube/object.ts';
import type { Child } from './desired.ts';
import { asBoolean, evaluate } from './evaluate.ts';
import { standingOf } from './ownership.ts';
import { isStale, type Scope } from './scope.ts';

export interface Readiness {
  readonly kind: 'ready' | 'waiting' | 'failed';
  /** With the child's name: "Deployment shop/web: 1 of 3 replicas are ready". */
  readonly message: string;
  /** PascalCase. */
  readonly reason: string;
}

export async function readinessOf(scope: Scope, child: Child): Promise<Readiness> {
  const described = describeRef(child.ref);
  const { live } = child;
  if (live === undefined || (child.placement !== 'patched' && standingOf(live, scope.owner) !== 'ours')) {
    return { kind: 'waiting', reason: 'NotFound', message: `${described} does not exist yet` };
  }
  if (child.instance.manifest.ready !== undefined) return readyByRule(scope, child, described);
  if (child.placement === 'patched')
    return { kind: 'ready', reason: 'Current', message: `${described} is patched` };
  const requireObservedGeneration = child.kind.servedByPlaybook;
  const { status, reason, message } = computeStatus(live, {
    requireObservedGeneration,
    now: scope.snapshot.now,
  });
  const kind = status === 'Current' ? 'ready' : status === 'Failed' ? 'failed' : 'waiting';
  return { kind, reason, message: `${described}: ${message}` };
}

async function readyByRule(scope: Scope, child: Child, described: string): Promise<Readiness> {
  const { ready, id } = child.instance.manifest;
  if (ready === undefined || child.live === undefined || isStale(child.live)) {
    return {
      kind: 'waiting',
      reason: 'NotObserved',
      message: `${described}: its controller has not seen the latest change`,
    };
  }
  const self = withZeroCounters(child.live);
  const verdict = asBoolean(await evaluate(scope, ready, { ...child.instance.local, self }), ready);
  if (verdict.kind === 'blocked') {
    const { kind, reason, message } = verdict.blocker;
    return { kind: kind === 'terminal' ? 'failed' : 'waiting', reason, message };
  }
  if (verdict.kind === 'value' && verdict.value)
    return { kind: 'ready', reason: 'Ready', message: `${id} is ready` };
  const why = verdict.kind === 'missing' ? `${verdict.path} is missing` : `${ready.source} does not hold`;
  return { kind: 'waiting', reason: 'NotReady', message: `${described} is not ready: ${why}` };
}
