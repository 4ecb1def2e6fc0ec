/** Text of a foreign program, as bytes come in: a part of bounded size is kept, and whether there was more. */

/** What is kept of one text, in bytes. */
export const TEXT_LIMIT = 64 * 1024;

export class CappedText {
  private readonly keep: 'start' | 'end';
  private chunks: Buffer[] = [];
  private size = 0;
  private cut = false;

  constructor(keep: 'start' | 'end' = 'start') {
    this.keep = keep;
  }

  push(chunk: Uint8Array): void {
    if (this.keep === 'start' && this.size >= TEXT_LIMIT) {
      this.cut ||= chunk.length > 0;
      return;
    }
    this.chunks.push(Buffer.from(chunk));
    this.size += chunk.length;
    if (this.keep === 'end' && this.size > 2 * TEXT_LIMIT) this.trim();
  }

  get truncated(): boolean {
    return this.cut || this.size > TEXT_LIMIT;
  }

  /** As UTF-8; a character that the limit cuts in two is left out. */
  text(): string {
    const all = Buffer.concat(this.chunks);
    if (!this.truncated) return all.toString('utf8');
    if (this.keep === 'end')
      return all.subarray(nextCharacter(all, all.length - TEXT_LIMIT)).toString('utf8');
    // As a part of a stream, the decoder keeps back what is no whole character yet.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(all.subarray(0, TEXT_LIMIT), {
      stream: true,
    });
  }

  private trim(): void {
    this.cut = true;
    const all = Buffer.concat(this.chunks);
    this.chunks = [all.subarray(all.length - TEXT_LIMIT)];
    this.size = TEXT_LIMIT;
  }
}

function nextCharacter(bytes: Buffer, from: number): number {
  let start = Math.max(0, from);
  while (start < from + 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return start;
}
