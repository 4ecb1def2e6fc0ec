/** Which parts of a playbook its golden cases have seen at work: templates and their blocks, rules, actions and steps. */
import { comparePlaces, type Place } from '../../base/diagnostic.ts';
import type { Action, Step } from '../../playbook/action-model.ts';
import type { Expression, Manifest, Playbook, Template, Watch } from '../../playbook/model.ts';
import type { Run } from '../actions/run.ts';

export interface CoverageItem {
  /** As a person calls it: `step backup/dump`, `{{#if}}`. */
  readonly name: string;
  readonly place: Place;
  /** What was never seen of it; empty: all was. */
  readonly missing: readonly string[];
}

/** Something with sides that can be seen. */
interface Part {
  readonly name: string;
  readonly place: Place;
  readonly unseen: Set<string>;
}

export class Coverage {
  /** The playbook with eyes: what is rendered and judged of it is noted. */
  readonly playbook: Playbook;
  readonly #parts = new Map<string, Part>();

  constructor(playbook: Playbook) {
    this.playbook = { ...playbook, watches: playbook.watches.map((watch) => this.#watch(watch)) };
  }

  /** In the order of files and lines. */
  get items(): readonly CoverageItem[] {
    return [...this.#parts.values()]
      .map(({ name, place, unseen }) => ({ name, place, missing: [...unseen] }))
      .toSorted((a, b) => comparePlaces(a.place, b.place));
  }

  /** What runs have come to so far. */
  sawRuns({ gvk }: Watch, runs: readonly Run[]): void {
    for (const { action, status } of runs) {
      this.#saw(`${gvk.kind} action ${action}`, 'started');
      for (const { name, rollback, phase } of status.steps) {
        const key = `${gvk.kind} ${stepName(action, name, rollback)}`;
        if (phase === 'Succeeded') this.#saw(key, 'done');
        if (phase === 'Skipped') this.#saw(key, 'skipped');
      }
    }
  }

  #expect(key: string, part: Omit<Part, 'unseen'>, sides: readonly string[]): void {
    if (!this.#parts.has(key)) this.#parts.set(key, { ...part, unseen: new Set(sides) });
  }

  #saw(key: string, side: string): void {
    this.#parts.get(key)?.unseen.delete(side);
  }

  #watch(watch: Watch): Watch {
    for (const action of watch.actions) this.#action(watch.gvk.kind, action);
    return {
      ...watch,
      manifests: watch.manifests.map((manifest) => this.#manifest(manifest)),
      health: watch.health.map((rule) => ({
        ...rule,
        when: this.#condition(rule.when, `condition ${rule.type}`, ['True', 'not True']),
      })),
      actions: watch.actions.map((action) => ({
        ...action,
        steps: action.steps.map((step) => this.#withTemplate(step)),
        rollback: action.rollback.map((step) => this.#withTemplate(step)),
      })),
    };
  }

  #action(kind: string, { name, place, steps, rollback }: Action): void {
    this.#expect(`${kind} action ${name}`, { name: `action ${name}`, place }, ['started']);
    const all = [
      ...steps.map((step) => [step, false] as const),
      ...rollback.map((step) => [step, true] as const),
    ];
    for (const [step, back] of all) {
      const called = stepName(name, step.name, back);
      const optional = step.when !== undefined || step.unless !== undefined;
      this.#expect(`${kind} ${called}`, { name: called, place: step.place }, [
        'done',
        ...(optional ? ['skipped'] : []),
      ]);
    }
  }

  #withTemplate(step: Step): Step {
    return step.kind === 'job' || step.kind === 'apply'
      ? { ...step, template: this.#template(step.template) }
      : step;
  }

  #manifest(manifest: Manifest): Manifest {
    const { id, template, when, waitFor } = manifest;
    const judged = {
      ...(when === undefined ? {} : { when: this.#condition(when, `when of ${id}`, ['true', 'false']) }),
      ...(waitFor === undefined
        ? {}
        : { waitFor: this.#condition(waitFor, `waitFor of ${id}`, ['true', 'false']) }),
    };
    return { ...manifest, template: this.#template(template), ...judged };
  }

  /** `sides`: what it is called where it holds, and where it does not. */
  #condition(expression: Expression, name: string, sides: readonly [string, string]): Expression {
    const { place } = expression;
    const key = `${name} ${placeKey(place)}`;
    this.#expect(key, { name, place }, sides);
    return {
      ...expression,
      evaluate: async (context) => {
        const evaluation = await expression.evaluate(context);
        if (evaluation.kind === 'value') this.#saw(key, evaluation.value === true ? sides[0] : sides[1]);
        else this.#saw(key, sides[1]);
        return evaluation;
      },
    };
  }

  #template(template: Template): Template {
    const { file, blocks } = template;
    this.#expect(file, { name: 'template', place: { file, line: 1, column: 1 } }, ['rendered']);
    for (const { kind, place } of blocks)
      this.#expect(placeKey(place), { name: `{{#${kind}}}`, place }, ['then', 'else']);
    return {
      ...template,
      render: (context, options) => {
        const rendering = template.render(context, options);
        if (rendering.kind === 'objects') this.#saw(file, 'rendered');
        if (rendering.kind !== 'objects' || blocks.length === 0) return rendering;
        for (const { block, side } of template.trace(context, options).taken)
          this.#saw(placeKey(block.place), side);
        return rendering;
      },
    };
  }
}

function stepName(action: string, step: string, rollback: boolean): string {
  return `step ${action}/${rollback ? 'rollback/' : ''}${step}`;
}

function placeKey({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}
