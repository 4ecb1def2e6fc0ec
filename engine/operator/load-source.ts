/**
 * Loads a playbook against a live cluster: with the schemas that the cluster publishes for the kinds that the
 * playbook names, and the cluster's version. Schemas that have not been fetched yet are fetched, and the playbook is
 * loaded once more with them.
 */
import { letOthersGo } from '../base/clock.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Discovery } from '../cluster/api.ts';
import { apiVersionOf, type GroupVersionKind } from '../kube/object.ts';
import { loadPlaybook } from '../playbook/load.ts';
import type { LoadResult, Playbook } from '../playbook/model.ts';
import { versionFits } from './kubernetes-range.ts';
import { type PlaybookSource, sourceProblem } from './source.ts';

export async function loadSource(source: PlaybookSource, discovery: Discovery): Promise<LoadResult> {
  if (source.problems.length > 0) return { kind: 'refused', problems: source.problems };
  const first = await loadOnce(source, discovery);
  if (first.missing.length === 0) return finish(first.result, discovery);
  // A schema that can't be fetched is one less check, and no reason to refuse.
  await Promise.allSettled(first.missing.map((gvk) => discovery.loadSchema(gvk)));
  return finish((await loadOnce(source, discovery)).result, discovery);
}

async function loadOnce(
  source: PlaybookSource,
  discovery: Discovery,
): Promise<{ result: LoadResult; missing: readonly GroupVersionKind[] }> {
  await letOthersGo();
  const missing = new Map<string, GroupVersionKind>();
  const result = loadPlaybook(source.name, source.files, {
    schema(gvk) {
      const schema = discovery.schema(gvk);
      if (schema === undefined && discovery.resource(gvk) !== undefined)
        missing.set(`${apiVersionOf(gvk)} ${gvk.kind}`, gvk);
      return schema;
    },
  });
  return { result, missing: [...missing.values()] };
}

function finish(result: LoadResult, discovery: Discovery): LoadResult {
  if (result.kind === 'refused') return result;
  const problem = versionProblem(result.playbook, discovery.kubernetesVersion);
  return problem === undefined ? result : { kind: 'refused', problems: [problem, ...result.warnings] };
}

function versionProblem(playbook: Playbook, version: string): Diagnostic | undefined {
  const range = playbook.requires.kubernetes;
  if (range === undefined) return undefined;
  const fits = versionFits(version, range);
  if (fits === true) return undefined;
  if (fits === undefined) {
    return sourceProblem(
      'BadVersionRange',
      'watches.yaml',
      `requires.kubernetes is no range of versions: ${range}`,
      'write for instance ">=1.28" or ">=1.28 <1.40"',
    );
  }
  return sourceProblem(
    'KubernetesVersion',
    'watches.yaml',
    `the playbook requires Kubernetes ${range}, the cluster runs ${version}`,
    'use a version of the playbook made for this cluster',
  );
}
