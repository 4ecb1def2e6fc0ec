/** Templates of actions and probes as texts and calls, or why they cannot be told. */

import { canonicalJson } from '../../kube/canonical.ts';
import type { Json } from '../../kube/object.ts';
import type { ExecCall, HttpCall } from '../../playbook/action-model.ts';
import type { Context, Rendering, TemplateString } from '../../playbook/model.ts';
import { formatPlace, joinMessages } from '../blocker.ts';
import type { EffectCall } from '../effect.ts';

export type Rendered<T> =
  | { readonly kind: 'value'; readonly value: T }
  /** Waiting may help. */
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string };

type Renderable = Pick<TemplateString, 'render'>;

export function renderValue(template: Renderable, context: Context): Rendered<Json | undefined> {
  const rendering = template.render(context);
  return rendering.kind === 'value' ? rendering : renderingProblem(rendering);
}

export function renderingProblem(rendering: Exclude<Rendering, { kind: 'objects' }>): {
  readonly kind: 'missing' | 'error';
  readonly message: string;
} {
  const problems =
    rendering.kind === 'missing' ? rendering.missing.map(({ problem }) => problem) : rendering.problems;
  const message = joinMessages(problems.map((problem) => `${formatPlace(problem)}: ${problem.message}`));
  return { kind: rendering.kind, message };
}

/** As text; a missing optional value is the empty text, structures are JSON. */
export function renderText(template: Renderable, context: Context): Rendered<string> {
  const rendered = renderValue(template, context);
  if (rendered.kind !== 'value') return rendered;
  return { kind: 'value', value: textOf(rendered.value) };
}

export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? canonicalJson(value) : String(value);
}

/** Undefined where an optional value is missing. */
function renderOptional(template: Renderable | undefined, context: Context): Rendered<string | undefined> {
  if (template === undefined) return { kind: 'value', value: undefined };
  const rendered = renderValue(template, context);
  if (rendered.kind !== 'value') return rendered;
  return { kind: 'value', value: rendered.value === undefined ? undefined : textOf(rendered.value) };
}

/** All of them, or the first that cannot be told. */
function all<T>(parts: readonly Rendered<T>[]): Rendered<readonly T[]> {
  const bad = parts.find(({ kind }) => kind === 'error') ?? parts.find(({ kind }) => kind === 'missing');
  if (bad !== undefined && bad.kind !== 'value') return bad;
  return { kind: 'value', value: parts.flatMap((part) => (part.kind === 'value' ? [part.value] : [])) };
}

export type Call = ({ readonly kind: 'exec' } & ExecCall) | ({ readonly kind: 'http' } & HttpCall);

export function renderCall(call: Call, context: Context, namespace: string): Rendered<EffectCall> {
  return call.kind === 'exec' ? renderExec(call, context, namespace) : renderHttp(call, context);
}

function renderExec(call: ExecCall, context: Context, own: string): Rendered<EffectCall> {
  const command = all(call.command.map((part) => renderOptional(part, context)));
  const texts = all(
    [call.pod, call.namespace, call.container, call.stdin].map((t) => renderOptional(t, context)),
  );
  if (command.kind !== 'value') return command;
  if (texts.kind !== 'value') return texts;
  const [pod, namespace, container, stdin] = texts.value;
  if (pod === undefined || pod === '') return { kind: 'missing', message: 'the name of the pod is missing' };
  return {
    kind: 'value',
    value: {
      kind: 'exec',
      namespace: namespace ?? own,
      pod,
      ...(container === undefined ? {} : { container }),
      command: command.value.flatMap((part) => part ?? []),
      ...(stdin === undefined ? {} : { stdin }),
    },
  };
}

function renderHttp(call: HttpCall, context: Context): Rendered<EffectCall> {
  const url = renderText(call.url, context);
  const names = Object.keys(call.headers);
  const headers = all(Object.values(call.headers).map((value) => renderOptional(value, context)));
  const ca = renderOptional(call.ca, context);
  const body = call.body === undefined ? NO_VALUE : renderValue(call.body, context);
  if (url.kind !== 'value') return url;
  if (headers.kind !== 'value') return headers;
  if (ca.kind !== 'value') return ca;
  if (body.kind !== 'value') return body;
  const pairs = names.flatMap((name, index) => {
    const value = headers.value[index];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    kind: 'value',
    value: {
      kind: 'http',
      method: call.method,
      url: url.value,
      headers: Object.fromEntries(pairs),
      ...(body.value === undefined ? {} : { body: textOf(body.value) }),
      ...(ca.value === undefined ? {} : { ca: ca.value }),
    },
  };
}

const NO_VALUE = { kind: 'value', value: undefined } as const;
