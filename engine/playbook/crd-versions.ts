/** What is wrong in the versions of a CustomResourceDefinition: their schemas, storage, and paths for kubectl. */
import type { JsonObject, KubeObject } from '../kube/object.ts';
import { asJson, getPath, isJsonObject, isList } from '../kube/value.ts';
import { schemaFaults } from './crd-structure.ts';
import { missingStep } from './missing-step.ts';
import { didYouMean } from './suggest.ts';

export interface DefinitionFault {
  /** From the definition's root. */
  readonly path: readonly (string | number)[];
  readonly code: 'BadCrd' | 'UnknownPath';
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint?: string | undefined;
}

export function definitionFaults({ spec }: KubeObject): readonly DefinitionFault[] {
  const list = asJson(getPath(spec, ['versions']) ?? null);
  const versions = isList(list) ? list.filter(isJsonObject) : [];
  return [...storageFaults(versions), ...versions.flatMap((version, index) => ofVersion(version, index))];
}

function storageFaults(versions: readonly JsonObject[]): readonly DefinitionFault[] {
  const stored = versions.filter(({ storage }) => storage === true).length;
  if (stored === 1) return [];
  const message = `exactly one version has storage: true, and here ${stored === 0 ? 'none has' : `${stored} have`} it`;
  return [{ path: ['spec', 'versions'], code: 'BadCrd', severity: 'error', message }];
}

function ofVersion(version: JsonObject, index: number): readonly DefinitionFault[] {
  const at = ['spec', 'versions', index];
  const schema = asJson(getPath(version, ['schema', 'openAPIV3Schema']) ?? null);
  if (!isJsonObject(schema)) return [];
  const root = [...at, 'schema', 'openAPIV3Schema'];
  const faults = schemaFaults(schema).map(({ path, keyword, message, hint }): DefinitionFault => {
    const steps = path.flatMap((step) =>
      step === '[]' ? ['items'] : step === '{}' ? ['additionalProperties'] : ['properties', step],
    );
    const whole = [...root, ...steps, ...(keyword === undefined ? [] : [keyword])];
    return { path: whole, code: 'BadCrd', severity: 'error', message, hint };
  });
  return [
    ...faults,
    ...pathFaults(version, schema).map((fault) => ({ ...fault, path: [...at, ...fault.path] })),
  ];
}

/** What `kubectl get` shows and `kubectl scale` changes: a path that is not there shows nothing, and scales nothing. */
function pathFaults(version: JsonObject, schema: JsonObject): readonly DefinitionFault[] {
  const columns = version['additionalPrinterColumns'];
  const shownPaths = (isList(columns) ? columns : []).map(
    (column, index) =>
      [['additionalPrinterColumns', index, 'jsonPath'], getPath(column, ['jsonPath'])] as const,
  );
  const scale = ['specReplicasPath', 'statusReplicasPath', 'labelSelectorPath'].map((key) => {
    const path = ['subresources', 'scale', key];
    return [path, getPath(version, path)] as const;
  });
  return [...shownPaths, ...scale].flatMap(([path, text]): readonly DefinitionFault[] => {
    const fault = typeof text === 'string' ? faultIn(text, schema) : undefined;
    if (fault === undefined) return [];
    return [{ path, code: 'UnknownPath', severity: 'warning', ...fault }];
  });
}

/** Of plain paths alone: filters and positions are left to the API server. */
function faultIn(
  text: string,
  schema: JsonObject,
): { readonly message: string; readonly hint: string | undefined } | undefined {
  if (!/^(\.[A-Za-z0-9_]+)+$/.test(text) || text.startsWith('.metadata.')) return undefined;
  const steps = text.slice(1).split('.');
  const missing = missingStep(schema, steps);
  if (missing === undefined) return undefined;
  const hint = didYouMean(steps[missing.index] ?? '', missing.known);
  return { message: `${text} is not in the schema`, hint };
}
