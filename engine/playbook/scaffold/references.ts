/**
 * Texts that refer to one of the given manifests follow the resource's name. What only looks like it stays: the program of
 * a container, names within a pod, a ServiceAccount that is none of the manifests.
 */
import type { Json, JsonObject } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import { expression } from './expression.ts';

/** Property names from the manifest's root; `[]` an item of a list. */
type Path = readonly string[];

/** Kinds of Kubernetes whose objects live in no namespace: their names must tell the resource's namespace, too. */
const CLUSTER_WIDE = new Set([
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'PersistentVolume',
  'PriorityClass',
  'RuntimeClass',
  'StorageClass',
  'ValidatingWebhookConfiguration',
]);

export class References {
  private readonly base: string;
  /** By kind. */
  private readonly names = new Map<string, Set<string>>();
  private readonly namespaces = new Set<string>();

  /** `base`: the name that the resource's own name stands for. */
  constructor(documents: readonly JsonObject[], base: string) {
    this.base = base;
    for (const { kind, metadata } of documents) {
      if (metadata === undefined || !isJsonObject(metadata)) continue;
      const known = this.names.get(String(kind)) ?? new Set();
      this.names.set(String(kind), known.add(String(metadata.name)));
      if (typeof metadata['namespace'] === 'string') this.namespaces.add(metadata['namespace']);
    }
  }

  follow(document: JsonObject): JsonObject {
    const head: JsonObject = { kind: document.kind ?? null };
    const followed = this.value(document, { path: [], around: head });
    return isJsonObject(followed) ? followed : document;
  }

  private value(value: Json, at: { readonly path: Path; readonly around: JsonObject }): Json {
    const { path, around } = at;
    if (typeof value === 'string') return this.text(value, path, around);
    if (Array.isArray(value)) {
      const inner = [...path, '[]'];
      return value.map((item, index) =>
        index === 0 && isProgram(path) ? item : this.value(item, { path: inner, around }),
      );
    }
    if (!isJsonObject(value)) return value;
    // A manifest's own name is one of its kind.
    const inner = path.length === 0 || path.join() === 'metadata' ? around : value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each = null]) => [
        key,
        this.value(each, { path: [...path, key], around: inner }),
      ]),
    );
  }

  private text(text: string, path: Path, around: JsonObject): string {
    if (path.at(-1) === 'namespace') return this.namespaceOf(text, around);
    if (staysLiteral(path)) return text;
    const wanted = kindAt(path, around);
    const kinds = wanted === undefined ? [...this.names.keys()] : [wanted];
    const having = kinds.filter((each) => this.names.get(each)?.has(text));
    const kind = having.find((each) => !CLUSTER_WIDE.has(each)) ?? having[0];
    return kind === undefined ? this.withHosts(text) : this.named(text, kind);
  }

  /** Addresses of the Services within a longer text: `http://shop:80/`, `shop.prod.svc`, `shop-db:5432`. */
  private withHosts(text: string): string {
    const services = [...(this.names.get('Service') ?? [])].toSorted((a, b) => b.length - a.length);
    return services.reduce((result, name) => this.withHost(result, name), text);
  }

  private withHost(text: string, name: string): string {
    const spaces = [...this.namespaces].map((each) => `\\.${RegExp.escape(each)}`).join('|');
    const [own, end] = [RegExp.escape(name), '(?=[.:/?,\\s]|$)'];
    const host = new RegExp(`(//|@|^|[,\\s])${own}(${spaces === '' ? '(?!)' : spaces})?${end}`, 'g');
    return text.replace(host, (found: string, before: string, space: string | undefined, offset: number) => {
      const rest = text.slice(offset + found.length);
      const inUrl = /^(\/\/|@)$/.test(before) && !rest.startsWith('.');
      // A bare word is an address where a port follows: `shop:1.29` is an image, `shop/data` a path.
      const isAddress = inUrl || space !== undefined || /^(:\d{2,5}(?![\w.])|\.svc\b)/.test(rest);
      const namespace = space === undefined ? '' : `.${expression('metadata.namespace')}`;
      return isAddress ? `${before}${this.named(name, 'Service')}${namespace}` : found;
    });
  }

  /** As the manifest of this kind and name will be called. */
  private named(text: string, kind: string): string {
    const own = expression('metadata.name');
    const whose = CLUSTER_WIDE.has(kind) ? `${expression('metadata.namespace')}-${own}` : own;
    if (text === this.base) return whose;
    return text.startsWith(`${this.base}-`) ? `${whose}${text.slice(this.base.length)}` : `${whose}-${text}`;
  }

  /** Where the manifests lived, and where the account of a binding lives, is where the resource does. */
  private namespaceOf(text: string, { kind, name }: JsonObject): string {
    const isOurs = this.names.get(String(kind))?.has(String(name)) ?? false;
    if (!isOurs && !this.namespaces.has(text)) return text;
    return expression('metadata.namespace');
  }
}

const LITERAL = new Set([
  'apiVersion',
  'containerName',
  'image',
  'key',
  'kind',
  'mountPath',
  'path',
  'port',
  'portName',
  'subPath',
  'targetPort',
]);
/** Their items have names that mean something within the object alone. */
const NAMED_WITHIN = new Set([
  'containers',
  'env',
  'ephemeralContainers',
  'initContainers',
  'ports',
  'volumeClaimTemplates',
  'volumeDevices',
  'volumeMounts',
  'volumes',
]);

function staysLiteral(path: Path): boolean {
  const [last, before, third] = path.toReversed();
  if (last === undefined || LITERAL.has(last)) return true;
  if (last !== 'name') return false;
  if (before === 'port') return true;
  const list = before === 'metadata' ? path.at(-4) : third;
  return list !== undefined && NAMED_WITHIN.has(list);
}

/** The first word of a command or of its arguments says what is to be run. */
function isProgram(path: Path): boolean {
  const last = path.at(-1);
  return last === 'command' || last === 'args';
}

const KIND_OF_KEY: Readonly<Record<string, string>> = {
  claimName: 'PersistentVolumeClaim',
  ingressClassName: 'IngressClass',
  priorityClassName: 'PriorityClass',
  secretName: 'Secret',
  serviceAccount: 'ServiceAccount',
  serviceAccountName: 'ServiceAccount',
  serviceName: 'Service',
  storageClassName: 'StorageClass',
};
const KIND_AROUND_NAME: Readonly<Record<string, string>> = {
  configMap: 'ConfigMap',
  configMapKeyRef: 'ConfigMap',
  configMapRef: 'ConfigMap',
  secret: 'Secret',
  secretKeyRef: 'Secret',
  secretRef: 'Secret',
  service: 'Service',
};

/** Which kind is referred to, where the place tells. */
function kindAt(path: Path, { kind }: JsonObject): string | undefined {
  const [last = '', before = ''] = path.toReversed();
  if (last !== 'name') return KIND_OF_KEY[last];
  return typeof kind === 'string' ? kind : KIND_AROUND_NAME[before];
}
