/**
 * Existing manifests become templates: names follow the resource's, and what users most often want to choose (replicas,
 * images, resources, storage, hosts, configuration) becomes a field of its spec, with the present value as default.
 */
import { sameJson } from '../../kube/canonical.ts';
import { type GroupVersionKind, groupKind, gvkOf, type Json, type JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import { expression } from './expression.ts';
import { cleaned } from './foreign.ts';
import { tellApart } from './instances.ts';
import { References } from './references.ts';

/** A field of the spec: its short schema, and the value that the manifests had. */
export interface Field {
  readonly schema: JsonObject;
  readonly value: Json;
  /** Id of the manifest that it was found in. */
  readonly of: string;
}

export interface Parametrised {
  readonly manifests: readonly ParametrisedManifest[];
  /** By name, in the order in which they were found. */
  readonly fields: ReadonlyMap<string, Field>;
}

export interface ParametrisedManifest {
  /** File stem and id. */
  readonly id: string;
  readonly gvk: GroupVersionKind;
  /** With expressions as `expressionAt` texts. */
  readonly tree: JsonObject;
  /** Generated once and then kept. */
  readonly createOnly: boolean;
  /** Something else among the manifests changes its replicas. */
  readonly scaled: boolean;
}

export function parametrise(documents: readonly JsonObject[]): Parametrised {
  const base = baseName(documents.map(nameOf));
  const references = new References(documents, base);
  const fields = new Map<string, Field>();
  const several = documents.filter((each) => podsOf(each) !== undefined).length > 1;
  const ids = idsOf(documents, base);
  const manifests = documents.map((document, index) => {
    const id = ids[index] ?? '';
    const scaled = isScaled(document, documents);
    const finder = new Finder(fields, { id, always: several && podsOf(document) !== undefined, scaled });
    const tree = references.follow(finder.manifest(cleaned(document)));
    return { id, gvk: gvkOf(headOf(document)), tree, createOnly: document.kind === 'Secret', scaled };
  });
  const trees = tellApart(manifests.map(({ tree }) => tree));
  return {
    manifests: manifests.map((each, index) => ({ ...each, tree: trees[index] ?? each.tree })),
    fields,
  };
}

/** By an autoscaler: two that set the replicas would fight. */
function isScaled(document: JsonObject, documents: readonly JsonObject[]): boolean {
  return documents.some(({ kind, spec }) => {
    const target = isJsonObject(spec ?? null) ? objectAt(Object(spec), 'scaleTargetRef') : undefined;
    const isTarget = target?.kind === document.kind && target?.name === nameOf(document);
    return kind === 'HorizontalPodAutoscaler' && isTarget;
  });
}

function headOf({ apiVersion, kind }: JsonObject): { apiVersion: string; kind: string } {
  return { apiVersion: String(apiVersion), kind: String(kind) };
}

function nameOf({ metadata }: JsonObject): string {
  const name = metadata !== undefined && isJsonObject(metadata) ? metadata.name : undefined;
  return typeof name === 'string' ? name : '';
}

/** The name that most others begin with. */
function baseName(names: readonly string[]): string {
  const followers = (name: string): number =>
    names.filter((other) => other === name || other.startsWith(`${name}-`)).length;
  return names.toSorted((a, b) => followers(b) - followers(a) || a.length - b.length)[0] ?? '';
}

/** The kind in lower case; where several have it, with what tells their names apart. */
function idsOf(documents: readonly JsonObject[], base: string): readonly string[] {
  const kinds = documents.map(({ kind }) => String(kind).toLowerCase());
  const taken = new Set<string>();
  return documents.map((document, index) => {
    const kind = kinds[index] ?? '';
    const rest = nameOf(document).replace(base, '').replace(/^-/, '');
    const repeated = kinds.filter((each) => each === kind).length > 1;
    let id = repeated && rest !== '' ? `${rest}-${kind}`.replaceAll('.', '-') : kind;
    if (!/^[a-z]/.test(id)) id = `${kind}-${id}`;
    for (let count = 2; taken.has(id); count++) id = `${kind}-${count}`;
    taken.add(id);
    return id;
  });
}

/** What holds the pods' spec: a Pod itself, or a template. */
function podsOf(document: JsonObject): JsonObject | undefined {
  if (document.kind === 'Pod') return objectAt(document, 'spec') === undefined ? undefined : document;
  const spec = objectAt(document, 'spec');
  const holder = document.kind === 'CronJob' ? objectAt(objectAt(spec, 'jobTemplate'), 'spec') : spec;
  const template = objectAt(holder, 'template');
  return objectAt(template, 'spec') === undefined ? undefined : template;
}

function objectAt(tree: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = tree?.[name];
  return value !== undefined && isJsonObject(value) ? value : undefined;
}

/** Replaces values by fields, one manifest at a time. */
class Finder {
  readonly #fields: Map<string, Field>;
  readonly #of: { readonly id: string; readonly always: boolean; readonly scaled: boolean };

  /** `always`: the manifest's id goes before the names of all its fields, else where a name is taken. */
  constructor(
    fields: Map<string, Field>,
    of: { readonly id: string; readonly always: boolean; readonly scaled: boolean },
  ) {
    this.#fields = fields;
    this.#of = of;
  }

  manifest(document: JsonObject): JsonObject {
    const spec = objectAt(document, 'spec');
    switch (groupKind(gvkOf(headOf(document)))) {
      case 'ConfigMap':
        return this.#configuration(document);
      case 'Secret':
        return this.#secret(document);
      case 'Ingress.networking.k8s.io':
        return { ...document, spec: this.#hosts(spec ?? {}) };
      case 'PersistentVolumeClaim':
        return { ...document, spec: this.#claim(spec ?? {}) };
      case 'Pod':
        return { ...document, spec: this.#pods(spec ?? {}) };
      default:
        return spec === undefined ? document : { ...document, spec: this.#workload(spec) };
    }
  }

  /** `part`: what in the manifest it belongs to, where it may have several of the same name. */
  #field(name: string, { schema, value }: { schema: JsonObject; value: Json }, part = ''): string {
    const { id, always } = this.#of;
    const whole = joined(always ? id : id.replace(/-[a-z0-9]+$/, ''), name);
    const names = always ? [whole] : [name, joined(part, name), whole];
    for (let count = 2; ; count++) {
      for (const full of [...names, joined(id, joined(part, name))]) {
        const known = this.#fields.get(full);
        const same = known?.of === id && sameJson(known.value, value);
        if (known === undefined) this.#fields.set(full, { schema, value, of: id });
        if (known === undefined || same) return expression(`spec.${full}`);
      }
      names.splice(0, names.length, `${whole}${count}`);
    }
  }

  #workload(spec: JsonObject): JsonObject {
    const { replicas, schedule, volumeClaimTemplates, template, jobTemplate } = spec;
    const claims = Array.isArray(volumeClaimTemplates) ? volumeClaimTemplates : [];
    const runs = isJsonObject(jobTemplate ?? null) ? objectAt(Object(jobTemplate), 'spec') : undefined;
    return {
      ...spec,
      ...(typeof replicas === 'number' && this.#isPods(template) && !this.#of.scaled
        ? {
            replicas: this.#field('replicas', {
              schema: { type: 'integer', default: replicas, min: 0 },
              value: replicas,
            }),
          }
        : {}),
      ...(typeof schedule === 'string' && runs !== undefined
        ? {
            schedule: this.#field('schedule', {
              schema: { type: 'string', default: schedule },
              value: schedule,
            }),
            jobTemplate: { ...Object(jobTemplate), spec: this.#templated(runs) },
          }
        : {}),
      ...this.#templated({ template: template ?? null }, template !== undefined),
      ...(claims.length === 0
        ? {}
        : {
            volumeClaimTemplates: claims.map((claim) =>
              isJsonObject(claim)
                ? { ...claim, spec: this.#claim(objectAt(claim, 'spec') ?? {}, nameOf(claim)) }
                : claim,
            ),
          }),
    };
  }

  #isPods(template: Json | undefined): boolean {
    return isJsonObject(template ?? null) && objectAt(Object(template), 'spec') !== undefined;
  }

  /** An object whose `template` has the pods. */
  #templated(around: JsonObject, there = true): JsonObject {
    const template = objectAt(around, 'template');
    const podSpec = objectAt(template, 'spec');
    if (!there) return {};
    return podSpec === undefined
      ? around
      : { ...around, template: { ...template, spec: this.#pods(podSpec) } };
  }

  #pods(podSpec: JsonObject): JsonObject {
    const { containers, initContainers } = podSpec;
    if (!Array.isArray(containers)) return podSpec;
    const templates = containers.map((container: Json, index) =>
      isJsonObject(container) ? this.#container(container, index === 0) : container,
    );
    // What prepares the application with its own image follows it to another version.
    const prepare = (container: Json): Json => {
      const same = containers.findIndex((each) => Object(each).image === Object(container).image);
      const image = Object(templates[same]).image;
      return isJsonObject(container) && image !== undefined ? { ...container, image } : container;
    };
    return {
      ...podSpec,
      ...(Array.isArray(initContainers) ? { initContainers: initContainers.map(prepare) } : {}),
      containers: templates,
    };
  }

  /** The first container is the application; those beside it get fields with their name. */
  #container(container: JsonObject, first: boolean): JsonObject {
    const { image, resources, name } = container;
    const called = (what: string): string => (first ? what : joined(String(name), what));
    const filled = resources !== undefined && isJsonObject(resources) && Object.keys(resources).length > 0;
    return {
      ...container,
      ...(typeof image === 'string'
        ? {
            image: this.#field(called('image'), { schema: { type: 'string', default: image }, value: image }),
          }
        : {}),
      ...(filled
        ? {
            resources: this.#field(called('resources'), {
              schema: { type: 'object', default: resources },
              value: resources,
            }),
          }
        : {}),
    };
  }

  /** `name`: of a claim beside others in the same manifest. */
  #claim(spec: JsonObject, name = ''): JsonObject {
    const resources = objectAt(spec, 'resources');
    const requests = objectAt(resources, 'requests');
    const storage = requests?.['storage'];
    const { storageClassName, volumeName: _volume, ...rest } = spec;
    return {
      ...rest,
      ...(typeof storageClassName === 'string'
        ? {
            storageClassName: this.#field(
              'storageClassName',
              { schema: { type: 'string', default: storageClassName }, value: storageClassName },
              name,
            ),
          }
        : {}),
      ...(storage === undefined
        ? {}
        : {
            resources: {
              ...resources,
              requests: {
                ...requests,
                storage: this.#field(
                  'storage',
                  { schema: { type: 'quantity', default: storage }, value: storage },
                  name,
                ),
              },
            },
          }),
    };
  }

  #hosts(spec: JsonObject): JsonObject {
    const { rules } = spec;
    const first: Json | undefined = Array.isArray(rules) ? rules[0] : undefined;
    const host = first !== undefined && isJsonObject(first) ? first.host : undefined;
    if (typeof host !== 'string') return spec;
    const field = this.#field('host', { schema: { type: 'string', default: host }, value: host });
    const replaced = replaceTexts(spec, (text) => (text === host ? field : text));
    return isJsonObject(replaced) ? replaced : spec;
  }

  #configuration(document: JsonObject): JsonObject {
    const data = objectAt(document, 'data');
    if (data === undefined || Object.keys(data).length === 0) return document;
    // A script is part of the application, not a choice of its users.
    if (Object.values(data).some((value) => typeof value === 'string' && value.startsWith('#!')))
      return document;
    return {
      ...document,
      data: this.#field('config', { schema: { values: 'string', default: data }, value: data }),
    };
  }

  /** Secret values are never copied into a playbook: each is made anew, once. */
  #secret(document: JsonObject): JsonObject {
    const { data, stringData, ...rest } = document;
    const keys = [data, stringData].flatMap((values) =>
      values !== undefined && isJsonObject(values) ? Object.keys(values) : [],
    );
    const made = keys.map((key) => [key, expression('randomString 24')] as const);
    return made.length === 0 ? rest : { ...rest, stringData: Object.fromEntries(made) };
  }
}

/** `log-shipper` and `image` as `logShipperImage`. */
function joined(first: string, second: string): string {
  const words = first.replace(/[^A-Za-z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase());
  return words === '' ? second : `${words}${second[0]?.toUpperCase()}${second.slice(1)}`;
}

function replaceTexts(tree: Json, replace: (text: string) => string): Json {
  if (typeof tree === 'string') return replace(tree);
  if (Array.isArray(tree)) return tree.map((item) => replaceTexts(item, replace));
  if (!isJsonObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value = null]) => [key, replaceTexts(value, replace)]),
  );
}
