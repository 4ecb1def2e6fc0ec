/**
 * Templates that yield trees, never text (design.md, section 2): Handlebars is parsed, each output becomes a marker,
 * the skeleton around the markers is parsed as YAML once for each shape that the blocks give it, and values are put
 * into the parsed tree. So a value cannot change the structure, and a rendering parses no YAML.
 *
 * The parts: ast (the only module that imports handlebars) → compile → evaluate → skeleton (parsed, cached) → fill.
 */
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts';
import type { SchemaNode } from '../kube/schema.ts';
import type { ContextRoot, ElementReference, Reference, Template, TemplateString } from './language.ts';
import { CONTEXT_ROOTS } from './language.ts';
import type { OutlineNode } from './outline.ts';
import { parseAst } from './template/ast.ts';
import { compileProgram } from './template/compile.ts';
import type { Compilation } from './template/compile-expression.ts';
import { documentsOf, manifestTemplate } from './template/documents.ts';
import { holdsMarker, markerOffset } from './template/emission.ts';
import { lintConditions } from './template/lint.ts';
import { errorAt, Source } from './template/source.ts';
import { stringTemplate } from './template/string.ts';
import type { Body } from './template/syntax.ts';

/** What is known about where a template is used. */
export interface CompileContext {
  /** The names that paths may begin with; default: all. */
  readonly roots?: readonly ContextRoot[];
  /** `CreateOnly` allows `randomString`. */
  readonly policy?: 'Apply' | 'CreateOnly' | 'Patch';
  /** The schema at a path, for lints; undefined: not known. */
  readonly schemaOf?: (reference: Reference) => SchemaNode | undefined;
}

export interface TemplateInput {
  readonly file: string;
  readonly source: string;
  /** A *.yaml manifest: `{{` means nothing in it. */
  readonly plain: boolean;
  readonly context?: CompileContext;
}

export interface TemplateStringInput {
  readonly source: string;
  /** Where the first character of `source` stands. */
  readonly place: Place;
  readonly context?: CompileContext;
}

export interface Refused {
  readonly kind: 'refused';
  readonly problems: readonly Diagnostic[];
}

export type CompiledTemplate =
  | {
      readonly kind: 'compiled';
      readonly template: Template;
      /** For each document the shapes that it can take, for static checks. */
      readonly outlines: readonly (readonly OutlineNode[])[];
      /** Names that it reads below items, for static checks. */
      readonly elements: readonly ElementReference[];
      readonly warnings: readonly Diagnostic[];
    }
  | Refused;

export type CompiledTemplateString =
  | {
      readonly kind: 'compiled';
      readonly template: TemplateString;
      readonly elements: readonly ElementReference[];
      readonly warnings: readonly Diagnostic[];
    }
  | Refused;

/** Compiles a manifest template, after all shapes it can take were parsed; or tells everything that is wrong with it. */
export function compileTemplate(input: TemplateInput): CompiledTemplate {
  const source = new Source(input.source, { file: input.file, line: 1, column: 1 });
  const compiled = compileSource({ source, plain: input.plain, context: input.context ?? {} });
  if (compiled.body === undefined) return refused(compiled.problems);
  const { documents, outlines, problems } = documentsOf(compiled.body, source);
  const all = [...compiled.problems, ...problems];
  if (hasErrors(all)) return refused(all);
  const { body, references, elements } = compiled;
  return {
    kind: 'compiled',
    template: manifestTemplate({ source, body, references, documents }),
    outlines,
    elements,
    warnings: sortDiagnostics(all),
  };
}

/** Compiles a literal of watches.yaml: a single expression keeps its type, anything else is joined to a text. */
export function compileTemplateString(input: TemplateStringInput): CompiledTemplateString {
  const source = new Source(input.source, input.place);
  const compiled = compileSource({ source, plain: false, context: input.context ?? {} });
  if (compiled.body === undefined || hasErrors(compiled.problems)) return refused(compiled.problems);
  const { body, references, elements, problems } = compiled;
  return {
    kind: 'compiled',
    template: stringTemplate({ source, body, references }),
    elements,
    warnings: sortDiagnostics(problems),
  };
}

function refused(problems: readonly Diagnostic[]): Refused {
  return { kind: 'refused', problems: sortDiagnostics(problems) };
}

interface SourceInput {
  readonly source: Source;
  readonly plain: boolean;
  readonly context: CompileContext;
}

interface CompiledSource {
  /** Undefined where the source does not even parse. */
  readonly body: Body | undefined;
  readonly references: readonly Reference[];
  readonly elements: readonly ElementReference[];
  readonly problems: readonly Diagnostic[];
}

function compileSource({ source, plain, context }: SourceInput): CompiledSource {
  const { text } = source;
  if (holdsMarker(text)) {
    const place = source.placeAt(markerOffset(text));
    const message = 'the characters U+E000 and U+E001 are kept for the engine';
    return failed(
      errorAt('TemplateCharacter', place, { message, hint: 'write the escape "\\uE000" in double quotes' }),
    );
  }
  if (plain) return { body: [{ kind: 'text', text, offset: 0 }], references: [], elements: [], problems: [] };
  const ast = parseAst(text);
  if (ast.kind === 'failed') return failed(errorAt(ast.code, source.placeAt(source.offsetOf(ast.at)), ast));
  const to: Compilation = {
    source,
    roots: context.roots ?? CONTEXT_ROOTS,
    createOnly: context.policy === 'CreateOnly',
    problems: [],
    references: [],
    elements: [],
  };
  const body = compileProgram(ast.program, to);
  const warnings = context.schemaOf === undefined ? [] : lintConditions(body, context.schemaOf);
  const { references, elements } = to;
  return { body, references, elements, problems: [...to.problems, ...warnings] };
}

function failed(problem: Diagnostic): CompiledSource {
  return { body: undefined, references: [], elements: [], problems: [problem] };
}
