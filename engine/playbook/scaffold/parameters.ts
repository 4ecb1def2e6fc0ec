/**
 * Existing manifests become templates: names follow the resource's, and what users most often want to choose (replicas,
 * images, resources, storage, hosts, configuration) becomes a field of its spec, with the present value as default.
 */
import { type GroupVersionKind, groupKind, gvkOf, type Json, type JsonObject } from '../../kube/object.ts';
import { isJsonObject, omit } from '../../kube/value.ts';

/** A field of the spec: its short schema, and the value that the manifests had. */
export interface Field {
  readonly schema: JsonObject;
  readonly value: Json;
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
}

/** Stands for `{{source}}` until the tree is text: a word that YAML leaves as it is. */
export function expression(source: string): string {
  return `\uE000${source}\uE001`;
}

export function parametrise(documents: readonly JsonObject[]): Parametrised {
  const names = documents.map(nameOf);
  const base = baseName(names);
  const fields = new Map<string, Field>();
  const several = documents.filter((each) => podSpecOf(each) !== undefined).length > 1;
  const ids = idsOf(documents, base);
  const manifests = documents.map((document, index) => {
    const id = ids[index] ?? '';
    const finder = new Finder(fields, several ? id : '');
    const tree = renamed(finder.manifest(cleaned(document)), { names, base });
    return {
      id,
      gvk: gvkOf(headOf(document)),
      tree: isJsonObject(tree) ? tree : {},
      createOnly: document.kind === 'Secret',
    };
  });
  return { manifests, fields };
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

const OF_THE_SERVER = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
  'namespace',
  'ownerReferences',
];

/** Without what the API server adds. */
function cleaned(document: JsonObject): JsonObject {
  const { status: _status, ...rest } = document;
  const { annotations, ...others } = omit(objectAt(document, 'metadata') ?? {}, ...OF_THE_SERVER);
  const kept = Object.entries(isJsonObject(annotations ?? null) ? Object(annotations) : {}).filter(
    ([key]) => !/^(kubectl|deployment)\.kubernetes\.io\//.test(key),
  );
  const own = kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) };
  return { ...rest, metadata: { ...others, ...own } as JsonObject }; // as: parts of a JSON object
}

function podSpecOf(document: JsonObject): JsonObject | undefined {
  const spec = objectAt(document, 'spec');
  if (document.kind === 'Pod') return spec;
  const holder = document.kind === 'CronJob' ? objectAt(objectAt(spec, 'jobTemplate'), 'spec') : spec;
  return objectAt(objectAt(holder, 'template'), 'spec');
}

function objectAt(tree: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = tree?.[name];
  return value !== undefined && isJsonObject(value) ? value : undefined;
}

/** Replaces values by fields, one manifest at a time. */
class Finder {
  readonly #fields: Map<string, Field>;
  readonly #prefix: string;

  /** `prefix` goes before the names of fields where several manifests have the same. */
  constructor(fields: Map<string, Field>, prefix: string) {
    this.#fields = fields;
    this.#prefix = prefix.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
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
      case 'Service': {
        const { clusterIP: _ip, clusterIPs: _ips, ipFamilies: _families, ...rest } = spec ?? {};
        return { ...document, spec: spec?.['clusterIP'] === 'None' ? { ...rest, clusterIP: 'None' } : rest };
      }
      default:
        return spec === undefined ? document : { ...document, spec: this.#workload(spec) };
    }
  }

  #field(name: string, schema: JsonObject, value: Json): string {
    const full = this.#prefix === '' ? name : `${this.#prefix}${name[0]?.toUpperCase()}${name.slice(1)}`;
    const known = this.#fields.get(full);
    if (known === undefined) this.#fields.set(full, { schema, value });
    return expression(`spec.${full}`);
  }

  #workload(spec: JsonObject): JsonObject {
    const { replicas, volumeClaimTemplates, template } = spec;
    const pods = template !== undefined && isJsonObject(template) ? template : undefined;
    const podSpec = objectAt(pods, 'spec');
    const claims = Array.isArray(volumeClaimTemplates) ? volumeClaimTemplates : [];
    return {
      ...spec,
      ...(typeof replicas === 'number' && podSpec !== undefined
        ? { replicas: this.#field('replicas', { type: 'integer', default: replicas, min: 0 }, replicas) }
        : {}),
      ...(pods === undefined || podSpec === undefined
        ? {}
        : { template: { ...pods, spec: this.#pods(podSpec) } }),
      ...(claims.length === 0
        ? {}
        : {
            volumeClaimTemplates: claims.map((claim) =>
              isJsonObject(claim) ? { ...claim, spec: this.#claim(objectAt(claim, 'spec') ?? {}) } : claim,
            ),
          }),
    };
  }

  #pods(podSpec: JsonObject): JsonObject {
    const { containers } = podSpec;
    if (!Array.isArray(containers)) return podSpec;
    return {
      ...podSpec,
      containers: containers.map((container, index) =>
        isJsonObject(container) ? this.#container(container, index === 0) : container,
      ),
    };
  }

  /** The first container is the application; those beside it get fields with their name. */
  #container(container: JsonObject, first: boolean): JsonObject {
    const { image, resources, name } = container;
    const called = (what: string): string =>
      first
        ? what
        : `${String(name).replace(/[^A-Za-z0-9]+(\w?)/g, (_, c: string) => c.toUpperCase())}${what[0]?.toUpperCase()}${what.slice(1)}`;
    const filled = resources !== undefined && isJsonObject(resources) && Object.keys(resources).length > 0;
    return {
      ...container,
      ...(typeof image === 'string'
        ? { image: this.#field(called('image'), { type: 'string', default: image }, image) }
        : {}),
      ...(filled
        ? { resources: this.#field(called('resources'), { type: 'object', default: resources }, resources) }
        : {}),
    };
  }

  #claim(spec: JsonObject): JsonObject {
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
              { type: 'string', default: storageClassName },
              storageClassName,
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
                storage: this.#field('storage', { type: 'quantity', default: storage }, storage),
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
    const field = this.#field('host', { type: 'string', default: host }, host);
    const replaced = replaceTexts(spec, (text) => (text === host ? field : text));
    return isJsonObject(replaced) ? replaced : spec;
  }

  #configuration(document: JsonObject): JsonObject {
    const data = objectAt(document, 'data');
    if (data === undefined || Object.keys(data).length === 0) return document;
    return { ...document, data: this.#field('config', { values: 'string', default: data }, data) };
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

/** Texts that are the name of one of the manifests follow the resource's name. */
function renamed(
  tree: Json,
  { names, base }: { readonly names: readonly string[]; readonly base: string },
): Json {
  const known = new Set(names.filter((name) => name !== ''));
  const own = expression('metadata.name');
  return replaceTexts(tree, (text) => {
    if (!known.has(text)) return text;
    if (text === base) return own;
    return text.startsWith(`${base}-`) ? `${own}${text.slice(base.length)}` : `${own}-${text}`;
  });
}

function replaceTexts(tree: Json, replace: (text: string) => string): Json {
  if (typeof tree === 'string') return replace(tree);
  if (Array.isArray(tree)) return tree.map((item) => replaceTexts(item, replace));
  if (!isJsonObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [
      key,
      // A kind, a container's name and an image are no references.
      KEPT.has(key) && typeof value === 'string' ? value : replaceTexts(value, replace),
    ]),
  );
}

const KEPT = new Set(['kind', 'apiVersion', 'image', 'containerName']);
