/** Small builders for the tests of templates. */
import { formatDiagnostic } from '../../engine/base/diagnostic.ts';
import type { Context, Rendering, RenderOptions, Template } from '../../engine/playbook/model.ts';
import {
  type CompileContext,
  compileTemplate,
  compileTemplateString,
} from '../../engine/playbook/template.ts';

export const FILE = 't.yaml.hbs';

/** Two lines, so that the body begins in line 3. */
const HEAD = 'apiVersion: v1\nkind: Thing\n';

export function compiled(source: string, context: CompileContext = {}): Template {
  const result = compileTemplate({ file: FILE, source, plain: false, context });
  if (result.kind === 'refused') throw new Error(result.problems.map(formatDiagnostic).join('\n'));
  return result.template;
}

/** The problems of loading, as `line:column code`. */
export function refusals(source: string, context: CompileContext = {}): string[] {
  const result = compileTemplate({ file: FILE, source, plain: false, context });
  return result.kind === 'refused' ? result.problems.map((p) => `${p.line}:${p.column} ${p.code}`) : [];
}

/** The problems of loading as a person reads them. */
export function refusalText(source: string, context: CompileContext = {}): string {
  const result = compileTemplate({ file: FILE, source, plain: false, context });
  return result.kind === 'refused' ? result.problems.map(formatDiagnostic).join('\n') : '';
}

/** What a manifest with this body yields, without apiVersion and kind. */
export function body(text: string, context: Context, options?: RenderOptions): Record<string, unknown> {
  const rendering = compiled(HEAD + text, { policy: 'CreateOnly' }).render(context, options);
  if (rendering.kind !== 'objects') throw new Error(outcome(rendering).join('\n'));
  const { apiVersion: _a, kind: _k, ...rest } = rendering.documents[0]?.tree ?? {};
  return rest;
}

/** The value of `v: <text>`. */
export function value(text: string, context: Context): unknown {
  return body(`v: ${text}\n`, context).v;
}

export const refusedBody = (text: string): string[] => refusals(HEAD + text);

/** What a rendering of a manifest with this body complains of, as `line:column code: message`. */
export function complaints(text: string, context: Context, options?: RenderOptions): string[] {
  return outcome(compiled(HEAD + text, { policy: 'CreateOnly' }).render(context, options));
}

export function outcome(rendering: Rendering): string[] {
  if (rendering.kind === 'objects') return [];
  const problems =
    rendering.kind === 'error' ? rendering.problems : rendering.missing.map(({ problem }) => problem);
  return problems.map((p) => `${p.line}:${p.column} ${p.code}: ${p.message}`);
}

/** The value of a small template in watches.yaml, or its complaints. */
export function stringValue(source: string, context: Context): unknown {
  const result = compileTemplateString({ source, place: { file: 'watches.yaml', line: 7, column: 14 } });
  if (result.kind === 'refused') return result.problems.map((p) => `${p.line}:${p.column} ${p.code}`);
  const rendering = result.template.render(context);
  if (rendering.kind === 'value') return rendering.value;
  const problems =
    rendering.kind === 'error' ? rendering.problems : rendering.missing.map(({ problem }) => problem);
  return problems.map((p) => `${p.line}:${p.column} ${p.code}: ${p.message}`);
}
