/**
 * Counts one client's requests in the API server's audit log, told apart by its User-Agent. Only requests received
 * after the mark count; a watch is logged when it ends, so that those still open are in no count.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';

export interface Requests {
  readonly writes: number;
  readonly reads: number;
  /** Renewals of the leader's Lease, in no other count. */
  readonly lease: number;
  /** Watches that began and ended meanwhile, in no other count. */
  readonly watches: number;
  /** Writes and reads by what was asked: `create deployments`, `patch trios/status`. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** A moment in the log. */
export interface Mark {
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
}

interface Entry {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly requestReceivedTimestamp: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

const READS = new Set(['get', 'list']);

export class AuditLog {
  private readonly path: string;
  private readonly userAgent: string;

  /** `userAgent`: how the client's User-Agent begins. */
  constructor(path: string, userAgent: string) {
    this.path = path;
    this.userAgent = userAgent;
  }

  async mark(): Promise<Mark> {
    return { bytes: (await stat(this.path)).size, time: Date.now() };
  }

  async since(mark: Mark): Promise<Requests> {
    const count = { writes: 0, reads: 0, lease: 0, watches: 0 };
    const kinds: Record<string, number> = {};
    for await (const entry of this.entries(mark)) {
      const sort = sortOf(entry);
      count[sort]++;
      if (sort !== 'writes' && sort !== 'reads') continue;
      const kind = describe(entry);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return { ...count, kinds };
  }

  private async *entries({ bytes, time }: Mark): AsyncGenerator<Entry> {
    const lines = createInterface({ input: createReadStream(this.path, { start: bytes }) });
    for await (const line of lines) {
      if (!line.includes(`"userAgent":"${this.userAgent}`)) continue;
      const entry: Entry = JSON.parse(line);
      if (Date.parse(entry.requestReceivedTimestamp) >= time) yield entry;
    }
  }
}

function sortOf({ verb, objectRef }: Entry): 'writes' | 'reads' | 'lease' | 'watches' {
  if (objectRef?.resource === 'leases') return 'lease';
  if (verb === 'watch') return 'watches';
  return READS.has(verb) ? 'reads' : 'writes';
}

function describe({ verb, objectRef, requestURI }: Entry): string {
  if (objectRef?.resource === undefined) return `${verb} ${requestURI.split('?', 1)[0]}`;
  const subresource = objectRef.subresource === undefined ? '' : `/${objectRef.subresource}`;
  return `${verb} ${objectRef.resource}${subresource}`;
}
