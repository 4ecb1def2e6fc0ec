/** Splits a stream of bytes into lines; a character or a line may be cut anywhere by the chunks. */

export interface LineSplitter {
  /** The lines that this chunk completed, without their newlines and without empty ones. */
  push(chunk: Uint8Array): readonly string[];
  /** What stood after the last newline. */
  rest(): string;
}

export function lineSplitter(): LineSplitter {
  const decoder = new TextDecoder();
  // Parts of the unfinished line: each chunk is searched once, however long the line is.
  let parts: string[] = [];
  return {
    push(chunk) {
      const pieces = decoder.decode(chunk, { stream: true }).split('\n');
      const last = pieces.pop() ?? '';
      if (pieces.length > 0) {
        pieces[0] = parts.join('') + (pieces[0] ?? '');
        parts = [];
      }
      if (last !== '') parts.push(last);
      return pieces.filter((line) => line !== '');
    },
    rest: () => parts.join('') + decoder.decode(),
  };
}
