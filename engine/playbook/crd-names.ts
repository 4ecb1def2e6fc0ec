/** Names that the API server takes in a CustomResourceDefinition (its apiextensions validation). */
import { isObject, type KubeObject } from '../kube/object.ts';
import { getPath } from '../kube/value.ts';

export interface NameFault {
  /** In the definition. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Of letters that a name can't have, which the language's own schema also finds. */
  readonly misspelt: boolean;
}

/** A DNS label that begins with a letter (RFC 1035). */
export function isLabel(name: string): boolean {
  return /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}

/** A group of Kubernetes itself, which takes definitions only with its own approval (KEP-1111). */
export function isProtected(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

const APPROVED = 'api-approved.kubernetes.io';

export function nameFaults(crd: KubeObject): readonly NameFault[] {
  const { spec, metadata } = crd;
  const names = getPath(spec, ['names']);
  const labels = ['plural', 'singular', 'kind', 'listKind'].map((key) => ['spec', 'names', key]);
  const lists = ['shortNames', 'categories'].flatMap((key) => {
    const list = getPath(names, [key]);
    return Array.isArray(list) ? list.map((_, index) => ['spec', 'names', key, index]) : [];
  });
  const versions = getPath(spec, ['versions']);
  const ofVersions = Array.isArray(versions)
    ? versions.map((_, index) => ['spec', 'versions', index, 'name'])
    : [];
  const wrong = [...labels, ...lists, ...ofVersions].flatMap((path): readonly NameFault[] => {
    const name = path.reduce<unknown>(
      (value, step) => (isObject(value) || Array.isArray(value) ? Object(value)[step] : undefined),
      crd,
    );
    if (
      name === undefined ||
      (typeof name === 'string' && isLabel(name.toLowerCase()) && isCased(name, path))
    )
      return [];
    const what = `${String(path.findLast((step) => typeof step === 'string'))} ${JSON.stringify(name)}`;
    const misspelt = typeof name !== 'string' || name.length <= 63;
    return [{ path, message: `${what} is refused by Kubernetes: ${takes(path)}`, misspelt }];
  });
  return [...wrong, ...groupFaults(getPath(spec, ['group']), metadata.annotations?.[APPROVED])];
}

/** Kinds alone have upper case letters. */
function isCased(name: string, path: readonly (string | number)[]): boolean {
  return isKind(path) || name === name.toLowerCase();
}

function isKind(path: readonly (string | number)[]): boolean {
  return /kind$/i.test(String(path.at(-1)));
}

function takes(path: readonly (string | number)[]): string {
  return `at most 63 ${isKind(path) ? '' : 'lower case '}letters, digits and -, a letter first`;
}

function groupFaults(group: unknown, approved: string | undefined): readonly NameFault[] {
  const path = ['spec', 'group'];
  if (typeof group !== 'string') return [];
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (group.length > 253 || !new RegExp(`^${label}(\\.${label})+$`).test(group))
    return [
      {
        path,
        message: `the group ${group} is refused by Kubernetes: lower case letters, digits, - and dots, such as app.example.com`,
        misspelt: false,
      },
    ];
  if (!isProtected(group) || approved !== undefined) return [];
  return [
    {
      path,
      message: `the group ${group} is Kubernetes' own, which takes no definitions of others`,
      misspelt: false,
    },
  ];
}
