/**
 * The skeleton text of an emission: each output stands as a marker, so that YAML sees where values go and never what
 * they are. Markers are made of private-use characters, which no template may hold.
 */
import type { Emission } from './syntax.ts';

const OPEN = '\uE000';
const CLOSE = '\uE001';

/** True for a text that could forge a marker. */
export function holdsMarker(text: string): boolean {
  return text.includes(OPEN) || text.includes(CLOSE);
}

export function markerOffset(text: string): number {
  return text.search(/[\uE000\uE001]/);
}

function marker(slot: number): string {
  return `${OPEN}${slot}${CLOSE}`;
}

export function skeletonText(emission: Emission): string {
  let text = '';
  let slot = 0;
  for (const part of emission) text += part.kind === 'text' ? part.text : marker(slot++);
  return text;
}

/** A scalar's text cut at its markers: texts, and the numbers of slots. Empty texts are left out. */
export function cutAtMarkers(text: string): readonly (string | number)[] {
  if (!text.includes(OPEN)) return [text];
  const pieces = text
    .split(/\uE000(\d+)\uE001/)
    .map((piece, index) => (index % 2 === 0 ? piece : Number(piece)));
  return pieces.filter((piece) => piece !== '');
}

/** Where an offset of the skeleton text stands in the source; within a marker: where its expression begins. */
export function sourceOffset(emission: Emission, offset: number): number {
  let at = 0;
  let slot = 0;
  let end = 0;
  for (const part of emission) {
    const length = part.kind === 'text' ? part.text.length : marker(slot++).length;
    if (offset < at + length) return part.kind === 'text' ? part.offset + offset - at : part.offset;
    at += length;
    end = part.offset + (part.kind === 'text' ? part.text.length : part.source.length);
  }
  return end;
}

/** The message with the expressions in the place of their markers. */
export function readable(message: string, emission: Emission): string {
  const outputs = emission.filter((part) => part.kind === 'output');
  return message.replace(/\uE000(\d+)\uE001/g, (_, slot: string) => outputs[Number(slot)]?.source ?? '');
}
