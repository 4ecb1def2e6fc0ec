/**
 * In which order things come that need each other: what others refer to first, then by a rank that each brings along
 * (Kubernetes' usual order of kinds), then the file's order. Manifests of one rank may be applied side by side.
 */

export interface Ordered {
  readonly id: string;
  /** Ids that must come before it. */
  readonly before: readonly string[];
  /** Smaller comes first where no edge decides. */
  readonly precedence: number;
}

export interface Order {
  /** Rank by id, from 0 up, without gaps. Ids on a cycle or behind one have none. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Ids of one cycle, in the order of their references: each refers to the next, the last to the first. */
  readonly cycle: readonly string[] | undefined;
}

/** Takes the items in the file's order. Edges to ids that are not among them are ignored. */
export function orderByDependency(items: readonly Ordered[]): Order {
  const known = new Set(items.map(({ id }) => id));
  const ranks = new Map<string, number>();
  let waiting = items;
  for (let rank = 0; waiting.length > 0; rank++) {
    const free = waiting.filter(({ before }) => before.every((id) => !known.has(id) || ranks.has(id)));
    if (free.length === 0) return { ranks, cycle: findCycle(waiting) };
    const lowest = Math.min(...free.map(({ precedence }) => precedence));
    const taken = new Set(free.filter(({ precedence }) => precedence === lowest));
    for (const { id } of taken) ranks.set(id, rank);
    waiting = waiting.filter((item) => !taken.has(item));
  }
  return { ranks, cycle: undefined };
}

/** Each of `blocked` waits for another one of them, so following the edges must come back. */
function findCycle(blocked: readonly Pick<Ordered, 'id' | 'before'>[]): readonly string[] {
  const byId = new Map(blocked.map((each) => [each.id, each]));
  const walked: string[] = [];
  let id = blocked[0]?.id;
  while (id !== undefined) {
    const seen = walked.indexOf(id);
    if (seen >= 0) return walked.slice(seen);
    walked.push(id);
    id = byId.get(id)?.before.find((next) => byId.has(next));
  }
  return walked;
}

/** `a → b → a`. */
export function describeCycle(cycle: readonly string[]): string {
  return [...cycle, ...cycle.slice(0, 1)].join(' → ');
}
