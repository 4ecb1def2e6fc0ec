/** Literal structures whose texts may hold `{{ }}`: parameters of a run, the body of an HTTP call. */
import type { Json } from '../kube/object.ts';
import type { TemplateTree } from './action-model.ts';
import type { Context, TemplateString } from './language.ts';
import type { LoadNode } from './load-node.ts';
import { type Position, templateStringAt, type WatchScope } from './load-scope.ts';

type Rendered = ReturnType<TemplateString['render']>;

/** The compiled structure; what was refused in it is reported. */
export function treeAt(
  scope: WatchScope,
  node: LoadNode | undefined,
  position: Position,
): TemplateTree | undefined {
  return node === undefined ? undefined : treeOf(scope, node, position);
}

function treeOf(scope: WatchScope, node: LoadNode, position: Position): TemplateTree {
  const { document } = scope;
  const { yaml, place } = node;
  if (yaml.kind === 'list') {
    const items = document.items(node).map((item) => treeOf(scope, item, position));
    return joined(node, items, (values) => values.filter((value) => value !== undefined));
  }
  if (yaml.kind === 'map') {
    const entries = document.entries(node);
    for (const { name, keyPlace } of entries) {
      if (!name.includes('{{')) continue;
      const hint = 'write the key out; its value may hold {{ }}';
      scope.problems.error('BadName', keyPlace, { message: 'a key must be literal here', hint });
    }
    const parts = entries.map((entry) => treeOf(scope, entry, position));
    return joined(node, parts, (values) =>
      Object.fromEntries(
        entries.flatMap(({ name }, index) => {
          const value = values[index];
          return value === undefined ? [] : [[name, value] as const];
        }),
      ),
    );
  }
  const template = templateStringAt(scope, node, position);
  if (template !== undefined) return template;
  const { value } = yaml;
  return Object.freeze({ place, references: [], render: () => ({ kind: 'value', value }) as const });
}

function joined(
  { place }: LoadNode,
  parts: readonly TemplateTree[],
  join: (values: readonly (Json | undefined)[]) => Json,
): TemplateTree {
  return Object.freeze({
    place,
    references: parts.flatMap(({ references }) => references),
    render: (context: Context) => render(parts, context, join),
  });
}

/** An error goes before missing values; of each all are told. */
function render(
  parts: readonly TemplateTree[],
  context: Context,
  join: (values: readonly (Json | undefined)[]) => Json,
): Rendered {
  const rendered = parts.map((part) => part.render(context));
  const problems = rendered.flatMap((part) => (part.kind === 'error' ? part.problems : []));
  if (problems.length > 0) return { kind: 'error', problems };
  const missing = rendered.flatMap((part) => (part.kind === 'missing' ? part.missing : []));
  if (missing.length > 0) return { kind: 'missing', missing };
  return {
    kind: 'value',
    value: join(rendered.map((part) => (part.kind === 'value' ? part.value : undefined))),
  };
}
