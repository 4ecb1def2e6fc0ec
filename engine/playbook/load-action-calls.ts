/** Calls of steps and probes: exec in a pod, http, and the objects of a `delete` step. */
import type { DeleteTarget, ExecCall, HttpCall } from './action-model.ts';
import { lintCommand } from './action-secrets.ts';
import { treeAt } from './action-tree.ts';
import type { TemplateString } from './language.ts';
import { kindAt } from './load-kind.ts';
import { type LoadNode, numberOf, textOf, wordOf } from './load-node.ts';
import { type Position, templateStringAt, type WatchScope } from './load-scope.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export function execAt(scope: WatchScope, node: LoadNode, position: Position): ExecCall | undefined {
  const { document } = scope;
  const at = (key: string) => templateStringAt(scope, document.get(node, key), position);
  const pod = at('pod');
  const container = at('container');
  const namespace = at('namespace');
  const stdin = at('stdin');
  const command = document
    .items(document.get(node, 'command'))
    .flatMap((item) => templateStringAt(scope, item, position) ?? []);
  lintCommand(scope, command);
  if (pod === undefined) return undefined;
  return {
    pod,
    command,
    ...(container === undefined ? {} : { container }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(stdin === undefined ? {} : { stdin }),
  };
}

export function httpAt(scope: WatchScope, node: LoadNode, position: Position): HttpCall | undefined {
  const { document } = scope;
  const urlNode = document.get(node, 'url');
  const url = templateStringAt(scope, urlNode, position);
  const ca = templateStringAt(scope, document.get(node, 'ca'), position);
  const body = treeAt(scope, document.get(node, 'body'), position);
  const expectStatus = statusCodes(scope, document.get(node, 'expectStatus'));
  const headers = textsAt(scope, document.get(node, 'headers'), position);
  if (urlNode === undefined || url === undefined) return undefined;
  if (!/^(https?:\/\/|\{\{)/.test(url.source)) {
    const message = `${JSON.stringify(url.source)} is no address of HTTP`;
    scope.problems.error('BadUrl', urlNode.place, { message, hint: 'begin it with http:// or https://' });
  }
  return {
    method: wordOf(document.get(node, 'method'), METHODS) ?? 'GET',
    url,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(expectStatus === undefined ? {} : { expectStatus }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function statusCodes({ document }: WatchScope, node: LoadNode | undefined): readonly number[] | undefined {
  if (node === undefined) return undefined;
  const one = numberOf(node);
  return one === undefined ? document.items(node).flatMap((item) => numberOf(item) ?? []) : [one];
}

/** A map of texts that may hold `{{ }}`. */
function textsAt(
  scope: WatchScope,
  node: LoadNode | undefined,
  position: Position,
): Readonly<Record<string, TemplateString>> {
  const pairs = (node === undefined ? [] : scope.document.entries(node)).flatMap((entry) => {
    const value = templateStringAt(scope, entry, position);
    return value === undefined ? [] : [[entry.name, value] as const];
  });
  return Object.fromEntries(pairs);
}

export function deleteTargetAt(
  scope: WatchScope,
  node: LoadNode,
  position: Position,
): DeleteTarget | undefined {
  const { document, problems } = scope;
  const gvk = kindAt(document, node, problems);
  const namespace = templateStringAt(scope, document.get(node, 'namespace'), position);
  const random = numberOf(document.get(node, 'random'));
  const by = targetOf(scope, node, position);
  if (random !== undefined && document.get(node, 'selector') === undefined) {
    const place = document.get(node, 'random')?.keyPlace ?? node.place;
    const message = 'random draws from what a selector finds';
    problems.error('BadDeleteTarget', place, { message, hint: 'give a selector, or remove random' });
  }
  if (gvk === undefined || by === undefined) return undefined;
  return {
    gvk,
    by,
    ...(namespace === undefined ? {} : { namespace }),
    ...(random === undefined ? {} : { random }),
  };
}

function targetOf(scope: WatchScope, node: LoadNode, position: Position): DeleteTarget['by'] | undefined {
  const { document, problems } = scope;
  const nameNode = document.get(node, 'name');
  const selector = document.get(node, 'selector');
  if ((nameNode === undefined) === (selector === undefined)) {
    const message =
      nameNode === undefined ? 'it is not said which objects go' : 'name finds one object, selector a list';
    const hint = 'give either a name or a selector: nothing is deleted on doubt';
    problems.error('BadDeleteTarget', node.place, { message, hint });
  }
  if (nameNode !== undefined) {
    const name = templateStringAt(scope, nameNode, position);
    return name && { kind: 'name', name };
  }
  if (selector === undefined) return undefined;
  return { kind: 'selector', labels: textsAt(scope, document.get(selector, 'matchLabels'), position) };
}

/** One text, or a list of them: `after: a`, `interrupts: [a, b]`. */
export function wordNodes({ document }: WatchScope, node: LoadNode | undefined): readonly LoadNode[] {
  if (node === undefined) return [];
  return textOf(node) === undefined ? document.items(node) : [node];
}
