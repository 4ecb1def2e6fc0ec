/** What the planner's tests on the real API server share: an engine that keeps one Box by manifests of the test's own. */
import { expect } from 'vitest';
import {
  apiVersionOf,
  type GroupVersionKind,
  type JsonObject,
  type KubeObject,
} from '../../engine/kube/object.ts';
import type { OperatorOptions } from '../../engine/operator/operator.ts';
import { poll, WRITE } from './cluster-support.ts';
import {
  type Bench,
  bench,
  condition,
  type Engine,
  engine,
  eventually,
  get,
  putBox,
  putPlaybook,
} from './operator-kit.ts';

export interface Stage {
  readonly at: Bench;
  readonly running: Engine;
  /** Replaces the playbook: what follows the kind in watches.yaml, and the files. */
  playbook(head: string, files: Readonly<Record<string, string>>): Promise<void>;
  /** Creates or changes the Box `one`. */
  put(spec: JsonObject): Promise<void>;
  /** Resolves when the Box is Ready for its latest generation. */
  ready(): Promise<KubeObject>;
  /** Resolves when a condition of the Box has this status, with its message. */
  says(type: string, status: string): Promise<string>;
  child(gvk: GroupVersionKind, name: string): Promise<KubeObject>;
  /** Resolves when the child is as wanted. */
  becomes(
    gvk: GroupVersionKind,
    name: string,
    holds: (object: KubeObject | undefined) => boolean,
  ): Promise<void>;
  /** Another client's merge patch. */
  edit(gvk: GroupVersionKind, name: string, patch: JsonObject, manager?: string): Promise<void>;
  /** Makes the engine look again and proves that it found nothing to write. */
  expectRest(): Promise<void>;
}

/** Takes the kit's own restriction to the test's namespace back (as: absent is what the option means, the spread needs it named). */
export const EVERYWHERE = { watchNamespaces: undefined } as object;

export async function stage(options: Partial<OperatorOptions> = {}): Promise<Stage> {
  const at = await bench();
  const running = await engine(at, options);
  return new RealStage(at, running);
}

class RealStage implements Stage {
  readonly at: Bench;
  readonly running: Engine;

  constructor(at: Bench, running: Engine) {
    this.at = at;
    this.running = running;
  }

  async playbook(head: string, files: Readonly<Record<string, string>>): Promise<void> {
    const { box } = this.at;
    const lines = head.trim().split('\n');
    const watches = [
      `- group: ${box.group}`,
      '  version: v1',
      '  kind: Box',
      ...lines.map((line) => `  ${line}`),
      '',
    ];
    await putPlaybook(this.at, 'box', {
      'watches.yaml': watches.join('\n'),
      'crd.yaml': openCrd(box.group),
      ...files,
    });
  }

  async put(spec: JsonObject): Promise<void> {
    await putBox(this.at, 'one', spec);
  }

  async ready(): Promise<KubeObject> {
    const found = await eventually(this.at, this.at.box, 'one', (box) => {
      const ready = condition(box, 'Ready');
      return ready?.status === 'True' && ready.observedGeneration === box?.metadata.generation;
    });
    if (found === undefined) throw new Error('the Box is gone');
    return found;
  }

  async says(type: string, status: string): Promise<string> {
    const found = await eventually(
      this.at,
      this.at.box,
      'one',
      (box) => condition(box, type)?.status === status,
    );
    return String(condition(found, type)?.message);
  }

  async child(gvk: GroupVersionKind, name: string): Promise<KubeObject> {
    const found = await get(this.at, gvk, name);
    if (found === undefined) throw new Error(`no ${gvk.kind} ${name}`);
    return found;
  }

  async becomes(
    gvk: GroupVersionKind,
    name: string,
    holds: (object: KubeObject | undefined) => boolean,
  ): Promise<void> {
    await eventually(this.at, gvk, name, holds);
  }

  async edit(
    gvk: GroupVersionKind,
    name: string,
    patch: JsonObject,
    manager = 'kubectl-edit',
  ): Promise<void> {
    const ref = { ...gvk, namespace: this.at.namespace, name };
    await this.at.cluster.client.mergePatch(ref, patch, { fieldManager: manager });
  }

  async expectRest(): Promise<void> {
    const passes = (): Promise<string> => this.running.metric('controller_runtime_reconcile_total');
    const before = await still(passes);
    const writes = this.running.writes();
    const ref = { ...this.at.box, namespace: this.at.namespace, name: 'one' };
    const touched = String(performance.now());
    await this.at.cluster.client.mergePatch(ref, { metadata: { annotations: { touched } } }, WRITE);
    await poll(async () => (await passes()) !== before);
    await still(passes);
    expect(this.running.writes()).toBe(writes);
  }
}

/** The text once it has been the same for 25 looks (half a second). */
async function still(read: () => Promise<string>): Promise<string> {
  let last = await read();
  let same = 0;
  await poll(async () => {
    const now = await read();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= 25;
  });
  return last;
}

export function gvk(apiVersion: string, kind: string): GroupVersionKind {
  const [first, second] = apiVersion.split('/');
  return second === undefined
    ? { group: '', version: first ?? '', kind }
    : { group: first ?? '', version: second, kind };
}

export function manifest(of: GroupVersionKind, name: string, rest: string): string {
  return `apiVersion: ${apiVersionOf(of)}\nkind: ${of.kind}\nmetadata:\n  name: ${name}\n${rest}`;
}

function openCrd(group: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: boxes.${group}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: Box, plural: boxes, singular: box, listKind: BoxList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;
}
