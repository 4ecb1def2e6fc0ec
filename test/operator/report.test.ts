import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../engine/base/logger.ts';
import { createMetrics } from '../../engine/base/metrics.ts';
import type { ClusterClient } from '../../engine/cluster/api.ts';
import { mergeObjects } from '../../engine/kube/merge-patch.ts';
import type { JsonObject, KubeObject } from '../../engine/kube/object.ts';
import { ANSWER_ANNOTATION, formatAnswer, readAnswer } from '../../engine/operator/answer.ts';
import { createReporter, PROBLEMS_ANNOTATION, type Reporter } from '../../engine/operator/report.ts';
import { type PlaybookSource, sourceProblem } from '../../engine/operator/source.ts';
import { contentHashOf } from '../../engine/playbook/load-files.ts';

function part(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n', uid: name } };
}

function sourceOf(text: string, parts: readonly KubeObject[]): PlaybookSource {
  const files = new Map([['watches.yaml', text]]);
  return { id: 'box', name: 'box', origin: { kind: 'configMaps', parts }, createdAt: 0, files, problems: [] };
}

const hash = (text: string): string => contentHashOf(new Map([['watches.yaml', text]]));

/** The ConfigMaps as a server keeps them, and every patch that came. */
function stage(parts: readonly KubeObject[], mayWrite: Promise<boolean> = Promise.resolve(true)) {
  const stored = new Map(parts.map((each) => [each.metadata.name, each]));
  const patched: string[] = [];
  const events: string[] = [];
  const client = {
    async mergePatch({ name }: { name: string }, patch: JsonObject): Promise<KubeObject> {
      patched.push(name);
      const before = stored.get(name) ?? part(name);
      // as: the patch is one of annotations
      const after = mergeObjects(before as unknown as JsonObject, patch) as unknown as KubeObject;
      stored.set(name, after);
      return after;
    },
  } as unknown as ClusterClient; // as: the reporter patches, and nothing else
  const reporter: Reporter = createReporter({
    client,
    recorder: { record: (_, { reason }) => void events.push(reason) },
    logger: silentLogger(),
    metrics: createMetrics(),
    mayWrite: () => mayWrite,
  });
  return { reporter, patched, events, now: () => [...stored.values()] };
}

const loaded = (content: string) => ({
  state: { kind: 'loaded' as const, version: '1.2.0', content },
  problems: [],
  fromStart: false,
});

describe('the answer on a playbook’s ConfigMaps', () => {
  it('names the content that runs, on each part, in one write, and is not written again', async () => {
    const { reporter, patched, now } = stage([part('box'), part('box-2')]);
    reporter.report(sourceOf('a', now()), loaded(hash('a')));
    await reporter.flush();
    expect(patched).toEqual(['box', 'box-2']);
    const running = { version: '1.2.0', content: hash('a') };
    expect(now().map(readAnswer)).toEqual(Array(2).fill({ state: 'Running', content: hash('a'), running }));
    reporter.repeat(sourceOf('a', now()));
    reporter.report(sourceOf('a', now()), loaded(hash('a')));
    await reporter.flush();
    expect(patched).toHaveLength(2);
  });

  it('says what was refused, why, and what goes on', async () => {
    const { reporter, patched, events, now } = stage([part('box')]);
    const running = { version: '1.2.0', content: hash('a') };
    const problems = [sourceProblem('BadWatches', 'watches.yaml', 'no list', 'write one')];
    reporter.report(sourceOf('b', now()), {
      state: { kind: 'refused', content: hash('b'), running },
      problems,
      fromStart: false,
    });
    await reporter.flush();
    expect(patched).toHaveLength(1);
    expect(events).toEqual(['PlaybookRefused']);
    const [live] = now();
    expect(live === undefined ? undefined : readAnswer(live)).toEqual({
      state: 'Refused',
      content: hash('b'),
      running,
    });
    expect(live?.metadata.annotations?.[PROBLEMS_ANNOTATION]).toContain('BadWatches');
  });

  it('comes back where somebody has taken it away, and an edit in between is never called by the old answer', async () => {
    const { reporter, patched, now } = stage([part('box')]);
    reporter.report(sourceOf('a', now()), loaded(hash('a')));
    await reporter.flush();
    reporter.repeat(sourceOf('b', [part('box')]));
    await reporter.flush();
    expect(patched).toHaveLength(1);
    reporter.repeat(sourceOf('a', [part('box')]));
    await reporter.flush();
    expect(patched).toHaveLength(2);
    expect(now().map(readAnswer)).toMatchObject([{ content: hash('a') }]);
  });

  it('is the newest alone where writing had to wait', async () => {
    const leads = Promise.withResolvers<boolean>();
    const { reporter, patched, now } = stage([part('box')], leads.promise);
    for (const text of ['a', 'b', 'c']) reporter.report(sourceOf(text, now()), loaded(hash(text)));
    leads.resolve(true);
    await reporter.flush();
    expect(patched).toHaveLength(1);
    expect(now().map(readAnswer)).toMatchObject([{ content: hash('c') }]);
  });

  it('is nothing where something else stands in its place', () => {
    for (const text of ['', '{', '[]', '{"state":"Odd","content":"x"}', '{"state":"Running"}'])
      expect(
        readAnswer({ ...part('box'), metadata: { name: 'box', annotations: { [ANSWER_ANNOTATION]: text } } }),
      ).toBeUndefined();
    const text = formatAnswer({ state: 'Refused', content: 'x' });
    expect(
      readAnswer({ ...part('box'), metadata: { name: 'box', annotations: { [ANSWER_ANNOTATION]: text } } }),
    ).toEqual({ state: 'Refused', content: 'x' });
  });
});
