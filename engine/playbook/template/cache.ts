/** Parsed skeletons by their text: the least recently used goes first, bounded by an estimate of bytes. */

/** A parsed skeleton takes some eight bytes for each character of its text, the key included [measured on manifests]. */
const BYTES_PER_CHARACTER = 8;

export class SkeletonCache<T> {
  readonly #entries = new Map<string, T>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(text: string): T | undefined {
    const found = this.#entries.get(text);
    if (found === undefined) return undefined;
    this.#entries.delete(text);
    this.#entries.set(text, found);
    return found;
  }

  /** The newest entry is kept even when it exceeds the bound by itself: it is likely to be asked for again. */
  set(text: string, value: T): void {
    if (this.#entries.has(text)) return;
    this.#entries.set(text, value);
    this.#bytes += text.length * BYTES_PER_CHARACTER;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#mostBytes || oldest === text) return;
      this.#entries.delete(oldest);
      this.#bytes -= oldest.length * BYTES_PER_CHARACTER;
    }
  }

  get size(): number {
    return this.#entries.size;
  }
}
