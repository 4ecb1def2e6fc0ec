import { expect, test } from 'vitest';
import { compiled } from './template-kit.ts';

const SOURCE = `apiVersion: v1
kind: Thing
metadata:
  name: {{metadata.name}}
  labels:
    "{{metadata.name}}/a": b
list:
- {{optional spec.gone}}
- {{spec.size}}
{{#if spec.tls}}
tls: {{spec.tls}}
{{else}}
plain: "no {{metadata.name}}"
{{/if}}
{{#each spec.ports}}
p{{this}}: {{this}}
{{/each}}
`;

test('a trace tells the line of each value, and which way each block went', () => {
  const template = compiled(SOURCE);
  const spec = { size: 3, tls: { secret: 's' }, ports: [1, 2] };
  const { places, taken } = template.trace({ metadata: { name: 'n' }, spec });
  const told = [...(places[0] ?? [])].map(([at, { place, source }]) => `${at} ${place.line} ${source ?? ''}`);
  expect(told).toEqual([
    '/apiVersion 1 ',
    '/kind 2 ',
    '/metadata/name 4 {{metadata.name}}',
    '/metadata/labels/n~1a 6 ',
    '/list/0 9 {{spec.size}}',
    '/tls 11 {{spec.tls}}',
    '/p1 16 {{this}}',
    '/p2 16 {{this}}',
  ]);
  expect(taken.map(({ block, side }) => `${block.kind} ${block.place.line} ${side}`)).toEqual([
    'if 10 then',
    'each 15 then',
  ]);
  expect(template.blocks.map(({ kind }) => kind)).toEqual(['if', 'each']);
});

test('a trace of what cannot be rendered has no places, but its blocks', () => {
  const { places, taken } = compiled(SOURCE).trace({ metadata: { name: 'n' }, spec: { ports: [] } });
  expect(places).toEqual([]);
  expect(taken.map(({ side }) => side)).toEqual(['else', 'else']);
});
