import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/object.ts';
import { ANSWER_ANNOTATION, type Answer, formatAnswer } from '../../engine/operator/answer.ts';
import { answerOn } from '../../engine/operator/await-answer.ts';
import { PROBLEMS_ANNOTATION } from '../../engine/operator/report.ts';

function part(answer: Answer | undefined, problems?: string): KubeObject {
  const annotations = {
    ...(answer === undefined ? {} : { [ANSWER_ANNOTATION]: formatAnswer(answer) }),
    ...(problems === undefined ? {} : { [PROBLEMS_ANNOTATION]: problems }),
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'box', annotations } };
}

const running = { version: '1.0.0', content: 'new' };
const runs: Answer = { state: 'Running', content: 'new', running };
const refused: Answer = { state: 'Refused', content: 'new' };

describe('the answer that an installation waits for', () => {
  it('is the one on all parts, on this very content', () => {
    expect(answerOn([part(runs), part(runs)], { content: 'new' })).toEqual({ answer: runs, problems: [] });
    expect(answerOn([part(runs), part(undefined)], { content: 'new' })).toBeUndefined();
    expect(answerOn([part(runs), part(refused)], { content: 'new' })).toBeUndefined();
    expect(answerOn([part(runs)], { content: 'newer' })).toBeUndefined();
    expect(answerOn([part(undefined)], { content: 'new' })).toBeUndefined();
    expect(answerOn([], { content: 'new' })).toBeUndefined();
  });

  it('brings the problems with it', () => {
    const problems = ['a.yaml:1:1: error X: one', 'b.yaml:1:1: error Y: two'];
    expect(answerOn([part(refused, problems.join('\n'))], { content: 'new' })).toEqual({
      answer: refused,
      problems,
    });
  });

  it('is no refusal that was given before something changed', () => {
    const stale = formatAnswer(refused);
    expect(answerOn([part(refused)], { content: 'new', stale })).toBeUndefined();
    expect(answerOn([part(runs)], { content: 'new', stale })?.answer).toEqual(runs);
  });
});
