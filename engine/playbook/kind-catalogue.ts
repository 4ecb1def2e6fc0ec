/** The schemas of all kinds that a playbook speaks of: those of its own crd.yaml first, then the cluster's. */
import type { Place } from '../base/diagnostic.ts';
import { apiVersionOf, type GroupVersionKind, groupKind, type KubeObject } from '../kube/object.ts';
import type { SchemaLookup, SchemaNode } from '../kube/schema.ts';
import { schemaFromCrd } from '../kube/schema-model.ts';

/** What a CustomResourceDefinition of crd.yaml says about one kind. */
export interface OwnKind {
  readonly gvk: Pick<GroupVersionKind, 'group' | 'kind'>;
  readonly place: Place;
  readonly crd: KubeObject;
  readonly versions: readonly OwnVersion[];
}

export interface OwnVersion {
  readonly name: string;
  readonly served: boolean;
  readonly hasStatus: boolean;
}

export class KindCatalogue {
  readonly own: readonly OwnKind[];
  readonly #lookup: SchemaLookup;
  readonly #known = new Map<string, SchemaNode | undefined>();

  constructor(own: readonly OwnKind[], lookup: SchemaLookup) {
    this.own = own;
    this.#lookup = lookup;
  }

  /** The kind's definition in this playbook's crd.yaml. */
  ownKind(gvk: Pick<GroupVersionKind, 'group' | 'kind'>): OwnKind | undefined {
    return this.own.find((each) => groupKind(each.gvk) === groupKind(gvk));
  }

  schemaOf(gvk: GroupVersionKind): SchemaNode | undefined {
    const key = `${apiVersionOf(gvk)}/${gvk.kind}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#find(gvk));
    return this.#known.get(key);
  }

  /** Kinds whose schema was asked for and is not known, as `apps/v1/Deployment`. */
  unknown(): readonly string[] {
    return [...this.#known].flatMap(([key, schema]) => (schema === undefined ? [key] : []));
  }

  #find(gvk: GroupVersionKind): SchemaNode | undefined {
    const own = this.ownKind(gvk);
    return own === undefined ? this.#lookup(gvk) : schemaFromCrd(own.crd, gvk.version);
  }
}
