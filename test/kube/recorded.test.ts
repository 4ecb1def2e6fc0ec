/**
 * The field-set walk against what a kube-apiserver 1.35.4 wrote. Each file of recorded/ holds a manifest (`tree`), the
 * object after its POST as manager `libretto` (`created`), the entry's fieldsV1 after the first apply (`applied`), for
 * some the managedFields after others have changed the object (`disturbed`), and the parts of the OpenAPI v3 document
 * that the manifest needs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatPath } from '../../engine/kube/fieldpath.ts';
import { ownEntry, ownersOf, uncovered } from '../../engine/kube/fieldset.ts';
import { normalise } from '../../engine/kube/normalise.ts';
import {
  gvkOf,
  type JsonObject,
  type KubeObject,
  type ManagedFieldsEntry,
} from '../../engine/kube/object.ts';
import { schemaFromOpenApi } from '../../engine/kube/schema-model.ts';
import { isJsonObject } from '../../engine/kube/value.ts';

interface Recording {
  readonly tree: JsonObject & { readonly apiVersion: string; readonly kind: string };
  readonly created: KubeObject;
  readonly applied: JsonObject;
  readonly disturbed?: readonly ManagedFieldsEntry[];
  readonly openapi: JsonObject;
}

const FOLDER = new URL('./recorded/', import.meta.url);

function read(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
}

function printed(recording: Recording, fieldsV1: JsonObject, live?: KubeObject): readonly string[] {
  const schema = schemaFromOpenApi(recording.openapi, gvkOf(recording.tree));
  const options = live === undefined ? {} : { live };
  return uncovered(normalise(recording.tree), fieldsV1, schema, options).map(formatPath);
}

const NAMES = readdirSync(FOLDER).map((file) => file.replace('.json', ''));

describe.each(NAMES)('%s, as the API server recorded it', (name) => {
  const recording = read(name);

  it('is covered after its first apply, with its schema and without', () => {
    expect(printed(recording, recording.applied)).toEqual([]);
    expect(uncovered(normalise(recording.tree), recording.applied, undefined)).toEqual([]);
  });

  it('is not covered as soon as any leaf is gone from the entry', () => {
    const gaps = entriesWithoutOneLeaf(recording.applied);
    expect(gaps.length).toBeGreaterThan(0);
    for (const gap of gaps) expect(printed(recording, gap.entry), gap.leaf).not.toEqual([]);
  });

  it('is covered right after its creation, unless its zero values leave a doubt', () => {
    const entry = ownEntry(recording.created.metadata.managedFields, 'libretto')?.entry;
    expect(entry?.operation).toBe('Update');
    const doubtful = name === 'service-one' ? ['spec.publishNotReadyAddresses'] : [];
    expect(printed(recording, entry?.fieldsV1 ?? {}, recording.created)).toEqual(doubtful);
  });
});

describe('what others changed', () => {
  function lost(name: string): readonly string[] {
    const recording = read(name);
    const { disturbed } = recording;
    const schema = schemaFromOpenApi(recording.openapi, gvkOf(recording.tree));
    const fieldsV1 = ownEntry(disturbed, 'libretto')?.entry.fieldsV1 ?? {};
    return uncovered(normalise(recording.tree), fieldsV1, schema).map((path) => {
      const owners = ownersOf(path, disturbed, 'libretto').map((owner) => owner.manager);
      return `${formatPath(path)} ${owners.join(' ') || 'was removed'}`;
    });
  }

  it('in a Deployment is named field by field; an added container is not ours', () => {
    expect(lost('deployment-web')).toEqual([
      'metadata.labels.x was removed',
      'spec.replicas hpa',
      'spec.template.spec.containers[name=app].image kubectl-edit',
      'spec.template.spec.containers[name=app].args kubectl-edit',
      'spec.template.spec.containers[name=app].env[name=B].value kubectl-edit',
      'spec.template.spec.containers[name=app].ports[containerPort=443,protocol=TCP] was removed',
    ]);
  });

  it('in a Service is its atomic selector and the removed port, not a defaulted targetPort', () => {
    expect(lost('service-web')).toEqual([
      'spec.selector kubectl-edit',
      'spec.ports[port=81,protocol=UDP] was removed',
    ]);
  });

  it('in a custom resource follows the list and map types of its CRD', () => {
    expect(lost('thing-t')).toEqual([
      'spec.size was removed',
      'spec.raw.d kubectl-edit',
      'spec.set[=a&b] was removed',
      'spec.list kubectl-edit',
      'spec.map[name=a,proto=T&P].v kubectl-edit',
      'spec.atom kubectl-edit',
    ]);
  });
});

interface Gap {
  readonly leaf: string;
  readonly entry: JsonObject;
}

function entriesWithoutOneLeaf(fieldsV1: JsonObject): readonly Gap[] {
  return Object.entries(fieldsV1).flatMap(([key, child]): readonly Gap[] => {
    if (key === '.' || !isJsonObject(child)) return [];
    const { [key]: _gone, ...others } = fieldsV1;
    if (Object.keys(child).length === 0) return [{ leaf: key, entry: others }];
    return entriesWithoutOneLeaf(child).map((gap) => ({
      leaf: `${key} ${gap.leaf}`,
      entry: { ...fieldsV1, [key]: gap.entry },
    }));
  });
}
