/** Templates in literals of watches.yaml: `namespace: "{{item}}"`, `name: "{{metadata.name}}-db"`. No YAML is involved. */
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Reference, TemplateString } from '../language.ts';
import { Evaluation } from './evaluate.ts';
import { Filling } from './fill.ts';
import type { SkeletonNode } from './skeleton.ts';
import type { Source } from './source.ts';
import { errorAt } from './source.ts';
import type { Body, Emission } from './syntax.ts';

interface StringTemplate {
  readonly source: Source;
  readonly body: Body;
  readonly references: readonly Reference[];
}

export function stringTemplate({ source, body, references }: StringTemplate): TemplateString {
  return Object.freeze({
    source: source.text,
    place: source.start,
    references,
    render(context) {
      const evaluation = new Evaluation();
      evaluation.run(body, context);
      const failure = evaluation.failure(source.start);
      if (failure !== undefined) return failure;
      const { emission, values } = evaluation;
      const outputs = emission.filter((part) => part.kind === 'output');
      const filling = new Filling({ outputs, values, placeAt: () => source.start });
      const value = filling.node(nodeOf(emission));
      const problems = [...filling.problems, ...tooLarge(filling, source)];
      return problems.length > 0 ? { kind: 'error', problems } : { kind: 'value', value };
    },
  } satisfies TemplateString);
}

/** What a YAML scalar with this emission would be: one output alone keeps its type. */
function nodeOf(emission: Emission): SkeletonNode {
  const [first, second] = emission;
  if (first?.kind === 'output' && second === undefined) return { kind: 'slot', slot: 0, strings: 'no' };
  let slot = 0;
  const parts = emission.map((part) => (part.kind === 'text' ? part.text : slot++));
  return parts.length === 0 ? { kind: 'literal', value: '' } : { kind: 'text', parts };
}

function tooLarge(filling: Filling, source: Source): readonly Diagnostic[] {
  if (!filling.exhausted) return [];
  return [
    errorAt('TemplateTooLarge', source.start, { message: 'the result is too large for an API object' }),
  ];
}
