/** The outlines of a template's documents: one for each shape that its blocks can give them. */
import type { Place } from '../../base/diagnostic.ts';
import type { OutlineNode, OutlineScalar } from '../outline.ts';
import { parseYaml } from '../yaml.ts';
import type { YamlNode, YamlScalar } from '../yaml-node.ts';
import { cutAtMarkers, readable, skeletonText, sourceOffset } from './emission.ts';
import type { Source } from './source.ts';
import type { Emission, Expr, Origin } from './syntax.ts';

/** By the offset of `kind` in the source, as documents are told apart. */
export type Outlines = ReadonlyMap<number, readonly OutlineNode[]>;

/** For emissions whose skeletons were parsed without a problem. */
export function outlinesOf(shapes: readonly Emission[], source: Source): Outlines {
  const found = new Map<number, OutlineNode[]>();
  for (const emission of shapes) {
    const parsed = parseYaml({ file: source.start.file, text: skeletonText(emission) });
    for (const { root } of parsed.kind === 'parsed' ? parsed.documents : []) {
      const kind = root.kind === 'map' ? root.entries.find(({ key }) => key.value === 'kind') : undefined;
      if (kind === undefined) continue;
      const offset = sourceOffset(emission, kind.key.offset);
      found.set(offset, [...(found.get(offset) ?? []), outline(root, { emission, source })]);
    }
  }
  return found;
}

interface Around {
  readonly emission: Emission;
  readonly source: Source;
}

function outline(node: YamlNode, around: Around): OutlineNode {
  const place = placeOf(node.offset, around);
  if (node.kind === 'scalar') return outlineScalar(node, place, around);
  if (node.kind === 'list')
    return { kind: 'list', place, items: node.items.map((item) => outline(item, around)) };
  const entries = node.entries.map(({ key, value }) => ({
    key: cutAtMarkers(key.value).some((part) => typeof part === 'number') ? undefined : key.value,
    keyPlace: placeOf(key.offset, around),
    value: outline(value, around),
  }));
  return { kind: 'map', place, entries };
}

function placeOf(offset: number, { emission, source }: Around): Place {
  return source.placeAt(sourceOffset(emission, offset));
}

function outlineScalar({ value, style }: YamlScalar, place: Place, { emission }: Around): OutlineScalar {
  const parts = typeof value === 'string' ? cutAtMarkers(value) : [];
  const [slot, second] = parts;
  if (typeof value !== 'string' || parts.every((part) => typeof part === 'string'))
    return { kind: 'literal', place, value };
  const source = readable(value, emission);
  const expressions = emission.flatMap((part) => (part.kind === 'output' ? [part.value] : []));
  const identity = identityOf(parts, expressions);
  if (style !== 'plain' || typeof slot !== 'number' || second !== undefined)
    return { kind: 'text', place, source, identity };
  const expr = expressions[slot];
  const reference = exactOrigin(expr) !== undefined && expr?.kind === 'path' ? expr.reference : undefined;
  return { kind: 'value', place, source, reference, identity };
}

function exactOrigin(expr: Expr | undefined): Origin | undefined {
  if (expr?.kind !== 'path' || expr.read !== 'value') return undefined;
  return expr.origin?.exact === true ? expr.origin : undefined;
}

/** Only what belongs to the resource is the same in all its manifests. */
function identityOf(parts: readonly (string | number)[], expressions: readonly Expr[]): string | undefined {
  const texts = parts.map((part) => {
    if (typeof part === 'string') return part;
    const origin = exactOrigin(expressions[part]);
    const own = origin?.root === 'metadata' || origin?.root === 'spec';
    return own ? `{{${[origin.root, ...origin.path].join('.')}}}` : undefined;
  });
  return texts.includes(undefined) ? undefined : texts.join('');
}
