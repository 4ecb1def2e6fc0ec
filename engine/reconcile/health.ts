/**
 * The conditions of a resource, by the kstatus convention: Ready, Reconciling, Stalled, the playbook's own, and Conflict
 * while another manager holds fields. Ready is true only when everything is applied, seen by its controllers, and the
 * rule holds (without a rule: every child is Current).
 */
import { type ConditionNow, reasonName } from '../kube/conditions.ts';
import { describeRef } from '../kube/object.ts';
import type { HealthRule } from '../playbook/model.ts';
import { type Blocker, DENIED, joinMessages } from './blocker.ts';
import type { Effect, Step } from './decide.ts';
import { asBoolean, evaluate } from './evaluate.ts';
import type { Pass } from './pass-model.ts';
import type { Readiness } from './readiness.ts';
import { isStale, type Scope } from './scope.ts';

export interface Health {
  readonly conditions: readonly ConditionNow[];
  /** Why it is not ready; '' when it is. */
  readonly message: string;
  /** Rules that cannot be evaluated. */
  readonly blockers: readonly Blocker[];
}

interface Findings {
  readonly blockers: readonly Blocker[];
  readonly steps: readonly Step[];
  /** Of actions and probes: each there only while it is true. */
  readonly conditions?: readonly Verdict[];
}

export async function judgeHealth(pass: Pass, findings: Findings): Promise<Health> {
  const { scope } = pass;
  const rules: RuleVerdict[] = [];
  for (const rule of scope.watch.health) rules.push(await judgeRule(scope, rule));
  const broken = rules.flatMap(({ blocker }) => blocker ?? []);
  const situation = situationOf(pass, { ...findings, blockers: [...findings.blockers, ...broken] });
  const ready = readyCondition(situation, rules.find(({ rule }) => rule.type === 'Ready')?.condition);
  const own = rules.filter(({ rule }) => rule.type !== 'Ready').map(({ condition }) => condition);
  const stalled = stalledCondition(situation, ready);
  const all = [
    ready,
    reconcilingCondition(situation, ready, stalled),
    stalled,
    ...own,
    ...conflictCondition(findings),
    ...(findings.conditions ?? []),
  ];
  const observedGeneration = Number(scope.snapshot.resource.metadata.generation ?? 0);
  const conditions = all.map((condition) => ({ ...condition, observedGeneration }));
  return { conditions, message: ready.status === 'True' ? '' : ready.message, blockers: broken };
}

type Verdict = Omit<ConditionNow, 'observedGeneration'>;

interface RuleVerdict {
  readonly rule: HealthRule;
  readonly condition: Verdict;
  readonly blocker?: Blocker;
}

async function judgeRule(scope: Scope, rule: HealthRule): Promise<RuleVerdict> {
  const { type, when } = rule;
  const verdict = asBoolean(await evaluate(scope, when), when);
  switch (verdict.kind) {
    case 'blocked': {
      const { reason, message } = verdict.blocker;
      return { rule, condition: { type, status: 'Unknown', reason, message }, blocker: verdict.blocker };
    }
    case 'missing': {
      const message = `${verdict.path} is missing`;
      return { rule, condition: { type, status: 'Unknown', reason: 'ValueMissing', message } };
    }
    case 'value':
      return {
        rule,
        condition: verdict.value
          ? { type, status: 'True', reason: type, message: 'holds' }
          : ruleFails(scope, rule),
      };
  }
}

function ruleFails(scope: Scope, { type, when, reason, message }: HealthRule): Verdict {
  const rendering = message?.render(scope.context());
  const said = rendering?.kind === 'value' && rendering.value !== undefined ? String(rendering.value) : '';
  return {
    type,
    status: 'False',
    reason: reason ?? `Not${type}`,
    message: said || `${when.source} does not hold`,
  };
}

/** What stands between the resource and Ready. */
interface Situation {
  readonly terminal: readonly Blocker[];
  readonly pending: readonly Blocker[];
  /** Writes that bring something new; repair of drift is none. */
  readonly advancing: readonly Step[];
  readonly waiting: readonly Readiness[];
  readonly failed: readonly Readiness[];
  /** Children whose controllers have not seen their latest generation. */
  readonly stale: readonly string[];
}

const ADVANCING: readonly Effect[] = ['create', 'configure', 'recreate'];

function situationOf({ states }: Pass, { blockers, steps }: Findings): Situation {
  const readiness = [...states.values()].flatMap((state) => [...state.readiness.values()]);
  return {
    terminal: blockers.filter(({ kind }) => kind === 'terminal'),
    pending: blockers.filter(({ kind }) => kind === 'pending'),
    advancing: steps.filter(({ change }) => change !== undefined && ADVANCING.includes(change.effect)),
    waiting: readiness.filter(({ kind }) => kind === 'waiting'),
    failed: readiness.filter(({ kind }) => kind === 'failed'),
    stale: steps.filter(({ child }) => isStale(child.live)).map(({ child }) => describeRef(child.ref)),
  };
}

function readyCondition(situation: Situation, rule: Verdict | undefined): Verdict {
  // What only an administrator can end goes before what a rule says of values that are missing for it.
  const decisive = [situation.terminal, situation.pending.filter(({ reason }) => reason === DENIED)];
  const found = decisive.find((blockers) => blockers.length > 0);
  const blocked = found && reported(found);
  if (blocked !== undefined) return { type: 'Ready', status: 'False', ...blocked };
  const progress = progressOf(situation);
  if (rule?.status === 'Unknown') return { ...rule, message: joinSentences(rule.message, progress?.message) };
  if (rule?.status === 'False') {
    const isOwn = rule.reason !== 'NotReady';
    return isOwn || progress === undefined ? rule : { ...rule, message: progress.message };
  }
  const unsettled = rule === undefined ? progress : unsettledOf(situation);
  if (unsettled !== undefined) return { type: 'Ready', status: 'False', ...unsettled };
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'everything is as described' };
}

interface Report {
  readonly reason: string;
  readonly message: string;
}

function reported(blockers: readonly Blocker[]): Report {
  const reason = reasonName(blockers[0]?.reason ?? '');
  return { reason, message: joinMessages(blockers.map(({ message }) => message)) };
}

/** What must be done before even a rule that holds can be believed. */
function unsettledOf({ pending, advancing, stale }: Situation): Report | undefined {
  if (pending.length > 0) return reported(pending);
  if (advancing.length > 0) {
    const names = advancing.map(({ child }) => describeRef(child.ref));
    return { reason: 'Progressing', message: `applying ${joinMessages(names).replaceAll('; ', ', ')}` };
  }
  if (stale.length === 0) return undefined;
  return {
    reason: 'Progressing',
    message: `${stale.join(', ')}: its controller has not seen the latest change`,
  };
}

/** The blocking child's own words come first: they say most. */
function progressOf(situation: Situation): Report | undefined {
  const unsettled = unsettledOf(situation);
  if (unsettled !== undefined) return unsettled;
  const [failed] = situation.failed;
  if (failed !== undefined) return { reason: 'ChildFailed', message: failed.message };
  const [waiting] = situation.waiting;
  return waiting === undefined ? undefined : { reason: 'Progressing', message: waiting.message };
}

function joinSentences(first: string, second: string | undefined): string {
  return second === undefined ? first : `${first}; ${second}`;
}

/** A child that failed stalls its owner unless the playbook's own rule calls it ready all the same. */
function stalledCondition({ terminal, failed }: Situation, ready: Verdict): Verdict {
  if (terminal.length > 0) return { type: 'Stalled', status: 'True', ...reported(terminal) };
  if (failed.length > 0 && ready.status !== 'True') {
    return {
      type: 'Stalled',
      status: 'True',
      reason: 'ChildFailed',
      message: joinMessages(failed.map((r) => r.message)),
    };
  }
  return { type: 'Stalled', status: 'False', reason: 'NotStalled', message: '' };
}

function reconcilingCondition(situation: Situation, ready: Verdict, stalled: Verdict): Verdict {
  const type = 'Reconciling';
  if (stalled.status === 'True') return { type, status: 'False', reason: 'Stalled', message: '' };
  const progress = ready.status === 'True' ? unsettledOf(situation) : (progressOf(situation) ?? ready);
  if (progress === undefined) return { type, status: 'False', reason: 'Reconciled', message: '' };
  return { type, status: 'True', reason: progress.reason, message: progress.message };
}

function conflictCondition({ steps }: Findings): readonly Verdict[] {
  const conflicts = steps.flatMap(({ conflict }) => conflict ?? []);
  if (conflicts.length === 0) return [];
  return [
    { type: 'Conflict', status: 'True', reason: 'FieldsHeldByOthers', message: joinMessages(conflicts) },
  ];
}
