/**
 * A template of manifests: its documents, and their rendering. A document is told from the others by where its `kind`
 * stands in the source, so that it keeps its number when a document before it is left out.
 */
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { sortDiagnostics } from '../../base/diagnostic.ts';
import type { GroupVersionKind, Json, JsonObject } from '../../kube/object.ts';
import { gvkOf } from '../../kube/object.ts';
import { isJsonObject } from '../../kube/value.ts';
import type {
  Context,
  Reference,
  RenderedDocument,
  Rendering,
  RenderOptions,
  Template,
  TemplateBlock,
  TemplateDocument,
  Trace,
} from '../language.ts';
import { Memo } from '../memo.ts';
import type { OutlineNode } from '../outline.ts';
import { SkeletonCache } from './cache.ts';
import { skeletonText, sourceOffset } from './emission.ts';
import { Evaluation } from './evaluate.ts';
import { Filling } from './fill.ts';
import { outlinesOf } from './outlines.ts';
import { shapesOf } from './shapes.ts';
import type { SkeletonDocument, SkeletonResult } from './skeleton.ts';
import { parseSkeleton } from './skeleton.ts';
import type { Source } from './source.ts';
import { errorAt } from './source.ts';
import { sourcesOf } from './sources.ts';
import type { Block, Body, Emission } from './syntax.ts';
import { tracePlaces } from './trace.ts';

/** For each template; a shape takes some 10 kB. */
const CACHE_BYTES = 4 << 20;

/** Parsed at load in all shapes together (some 0.5 s); what lies beyond is judged when it is first rendered. */
const CHARACTERS_AT_LOAD = 2 << 20;

/** The documents by the offset of their `kind` in the source, in that order. */
export type Documents = ReadonlyMap<number, TemplateDocument>;

export interface FoundDocuments {
  readonly documents: Documents;
  /** In the order of the documents. */
  readonly outlines: readonly (readonly OutlineNode[])[];
  readonly problems: readonly Diagnostic[];
}

/** Parses each shape that the template can take: a template that can break is refused, whatever values come later. */
export function documentsOf(body: Body, source: Source): FoundDocuments {
  const shapes = new Map(shapesOf(body).map((emission) => [skeletonText(emission), emission]));
  const found = new Map<number, TemplateDocument>();
  const problems: Diagnostic[] = [];
  const parsed: Emission[] = [];
  let characters = 0;
  for (const [text, emission] of shapes) {
    characters += text.length;
    if (characters > CHARACTERS_AT_LOAD && characters > text.length) break;
    parsed.push(emission);
    const skeleton = parseSkeleton({ emission, placeAt: (offset) => source.placeAt(offset) });
    if (skeleton.kind === 'refused') problems.push(...skeleton.problems);
    else problems.push(...note(skeleton.documents, { emission, source, found }));
  }
  if (found.size === 0 && problems.length === 0) problems.push(noDocument(source));
  const sorted = [...found].sort(([a], [b]) => a - b);
  const outlines = problems.length > 0 ? new Map() : outlinesOf(parsed, source);
  return {
    documents: new Map(sorted),
    outlines: sorted.map(([offset]) => outlines.get(offset) ?? []),
    problems: sortDiagnostics(problems),
  };
}

function noDocument(source: Source): Diagnostic {
  const text = { message: 'the template yields no object', hint: 'write apiVersion, kind and metadata' };
  return errorAt('TemplateNoObject', source.placeAt(0), text);
}

interface Noting {
  readonly emission: Emission;
  readonly source: Source;
  readonly found: Map<number, TemplateDocument>;
}

function note(
  documents: readonly SkeletonDocument[],
  { emission, source, found }: Noting,
): readonly Diagnostic[] {
  const seen = new Set<number>();
  const problems: Diagnostic[] = [];
  for (const document of documents) {
    const offset = sourceOffset(emission, document.kindOffset);
    const place = source.placeAt(offset);
    if (seen.has(offset)) problems.push(repeated(place));
    seen.add(offset);
    const gvk = gvkOf(document);
    const before = found.get(offset);
    if (before !== undefined && !sameKind(before, gvk)) problems.push(variable(place));
    found.set(offset, {
      ...gvk,
      place,
      sources: joined(before?.sources, sourcesOf(document.root, emission)),
    });
  }
  return problems;
}

/** What the shapes of one document say at each path. */
function joined(
  before: TemplateDocument['sources'] | undefined,
  shape: ReadonlyMap<string, string>,
): TemplateDocument['sources'] {
  const all = new Map(before ?? []);
  for (const [path, text] of shape) all.set(path, [...new Set([...(before?.get(path) ?? []), text])]);
  return all;
}

function sameKind(a: GroupVersionKind, b: GroupVersionKind): boolean {
  return a.group === b.group && a.version === b.version && a.kind === b.kind;
}

function variable(place: Place): Diagnostic {
  const hint = 'for several kinds write several manifests with when';
  return errorAt('TemplateKind', place, { message: 'apiVersion and kind must be literal', hint });
}

function repeated(place: Place): Diagnostic {
  const hint = 'let the manifest have forEach, with one document for each item';
  return errorAt('TemplateRepeatedDocument', place, { message: 'each repeats a whole document', hint });
}

interface ManifestTemplate {
  readonly source: Source;
  readonly body: Body;
  readonly references: readonly Reference[];
  readonly documents: Documents;
}

export function manifestTemplate(parts: ManifestTemplate): Template {
  const renderer = new Renderer(parts);
  return Object.freeze({
    file: parts.source.start.file,
    references: parts.references,
    documents: [...parts.documents.values()],
    blocks: blocksIn(parts.body).map(namedBlock),
    render: (context: Context, options?: RenderOptions) => renderer.render(context, options),
    trace: (context: Context, options?: RenderOptions) => renderer.trace(context, options),
  });
}

function blocksIn(body: Body): readonly Block[] {
  return body.flatMap((part) =>
    part.kind === 'text' || part.kind === 'output'
      ? []
      : [part, ...blocksIn(part.body), ...blocksIn(part.otherwise)],
  );
}

function namedBlock(block: Block): TemplateBlock {
  const kind = block.kind === 'if' && block.negated ? 'unless' : block.kind;
  return { kind, place: block.place };
}

class Renderer {
  readonly #source: Source;
  readonly #body: Body;
  readonly #indices: ReadonlyMap<number, number>;
  readonly #memo: Memo<Rendering>;
  readonly #skeletons = new SkeletonCache<SkeletonResult>(CACHE_BYTES);

  constructor({ source, body, references, documents }: ManifestTemplate) {
    this.#memo = new Memo(references);
    this.#source = source;
    this.#body = body;
    this.#indices = new Map([...documents.keys()].map((offset, index) => [offset, index]));
  }

  render(context: Context, options: RenderOptions = {}): Rendering {
    const inputs = [...this.#memo.inputsOf(context), options.seed];
    const known = this.#memo.recall(inputs);
    if (known !== undefined) return known;
    const evaluation = new Evaluation(options);
    evaluation.run(this.#body, context);
    const rendering = this.#rendering(evaluation);
    if (rendering.kind !== 'error') this.#memo.note(inputs, rendering);
    return rendering;
  }

  #rendering(evaluation: Evaluation): Rendering {
    const failure = evaluation.failure(this.#source.placeAt(0));
    if (failure !== undefined) return failure;
    const skeleton = this.#skeleton(evaluation.emission);
    return skeleton.kind === 'refused'
      ? { kind: 'error', problems: skeleton.problems }
      : this.#fill(skeleton.documents, evaluation);
  }

  trace(context: Context, options: RenderOptions = {}): Trace {
    const evaluation = new Evaluation(options);
    evaluation.run(this.#body, context);
    const taken = evaluation.taken.map(({ block, side }) => ({ block: namedBlock(block), side }));
    const rendering = this.render(context, options);
    const trees = rendering.kind === 'objects' ? rendering.documents.map(({ tree }) => tree) : [];
    const { emission, values } = evaluation;
    return { taken, places: tracePlaces({ source: this.#source, emission, values }, trees) };
  }

  #skeleton(emission: Emission): SkeletonResult {
    const text = skeletonText(emission);
    const known = this.#skeletons.get(text);
    if (known !== undefined) return known;
    const parsed = parseSkeleton({ emission, placeAt: (offset) => this.#source.placeAt(offset) });
    this.#skeletons.set(text, parsed);
    return parsed;
  }

  #fill(documents: readonly SkeletonDocument[], { emission, values }: Evaluation): Rendering {
    const outputs = emission.filter((part) => part.kind === 'output');
    const placeAt = (offset: number): Place => this.#source.placeAt(sourceOffset(emission, offset));
    const filling = new Filling({ outputs, values, placeAt });
    const problems: Diagnostic[] = [];
    const rendered: RenderedDocument[] = [];
    for (const { root, kindOffset } of documents) {
      const document = this.#indices.get(sourceOffset(emission, kindOffset));
      const tree = filling.node(root);
      if (document === undefined) problems.push(unforeseen(placeAt(kindOffset)));
      else if (isTree(tree)) rendered.push({ document, tree });
    }
    if (filling.exhausted) problems.push(tooLarge(this.#source.placeAt(0)));
    problems.push(...filling.problems);
    return problems.length > 0
      ? { kind: 'error', problems: sortDiagnostics(problems) }
      : { kind: 'objects', documents: rendered };
  }
}

function isTree(value: Json | undefined): value is JsonObject {
  return isJsonObject(value);
}

/** Shapes are tried at load up to a bound (see shapes.ts); what lies beyond it is found here. */
function unforeseen(place: Place): Diagnostic {
  const hint = 'split the template into several manifests with when';
  return errorAt('TemplateRepeatedDocument', place, {
    message: 'a document comes out that was not there at load',
    hint,
  });
}

function tooLarge(place: Place): Diagnostic {
  return errorAt('TemplateTooLarge', place, { message: 'the objects are too large for the API server' });
}
