/** The files of a playbook: which there are, which are used, and their templates compiled. */
import type { Place } from '../base/diagnostic.ts';
import { sha256 } from '../base/hash.ts';
import type { ElementReference, Template } from './language.ts';
import { CRD_FILE } from './load-crds.ts';
import type { Problems } from './load-problems.ts';
import type { PlaybookFiles } from './model.ts';
import type { OutlineNode } from './outline.ts';
import { didYouMean, nearest } from './suggest.ts';
import { type CompileContext, compileTemplate } from './template.ts';

export const WATCHES_FILE = 'watches.yaml';
export const SAMPLE_FILE = 'sample.yaml';
const MOST_BYTES = 1 << 20;
const MANIFEST = /\.ya?ml(\.hbs)?$/;

/** Files with a meaning of their own, which are no manifests. */
function isReserved(file: string): boolean {
  return [WATCHES_FILE, CRD_FILE, SAMPLE_FILE].includes(file) || file.endsWith('.case.yaml');
}

/** Files that are larger than a ConfigMap may be, and those in folders. True: all can be read. */
export function checkFiles(files: PlaybookFiles, problems: Problems): boolean {
  let readable = true;
  for (const [file, text] of files) {
    const place = { file, line: 1, column: 1 };
    if (text.length > MOST_BYTES || (text.length > MOST_BYTES / 4 && utf8Length(text) > MOST_BYTES)) {
      problems.error('FileTooLarge', place, {
        message: 'the file is larger than 1 MiB',
        hint: 'split it into several files',
      });
      readable = false;
    }
    if (file.includes('/')) {
      const hint = 'a playbook is one flat folder, so that it fits a ConfigMap';
      problems.error('BadFileName', place, { message: `${file} is in a folder`, hint });
    }
  }
  return readable;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** sha256 over names and contents. */
export function contentHashOf(files: PlaybookFiles): string {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return sha256(JSON.stringify(sorted));
}

/** The playbook's templates; remembers which files were asked for. */
export class TemplateFiles {
  readonly #files: PlaybookFiles;
  readonly #problems: Problems;
  readonly #used = new Set<string>();
  readonly #outlines = new Map<Template, readonly (readonly OutlineNode[])[]>();
  readonly #elements = new Map<Template, readonly ElementReference[]>();

  constructor(files: PlaybookFiles, problems: Problems) {
    this.#files = files;
    this.#problems = problems;
  }

  /** Compiles a file; undefined where it is missing, no manifest, or refused (and reported). */
  compile(file: string, place: Place, context: CompileContext): Template | undefined {
    this.#used.add(file);
    const source = this.#find(file, place);
    if (source === undefined) return undefined;
    const result = compileTemplate({ file, source, plain: !file.endsWith('.hbs'), context });
    this.#problems.addAll(result.kind === 'refused' ? result.problems : result.warnings);
    if (result.kind === 'refused') return undefined;
    this.#outlines.set(result.template, result.outlines);
    this.#elements.set(result.template, result.elements);
    return result.template;
  }

  /** For each document of a compiled template the shapes that it can take. */
  outlinesOf(template: Template): readonly (readonly OutlineNode[])[] {
    return this.#outlines.get(template) ?? [];
  }

  /** The names that a compiled template reads below items. */
  elementsOf(template: Template): readonly ElementReference[] {
    return this.#elements.get(template) ?? [];
  }

  /** A file's text as it is. */
  textOf(file: string): string | undefined {
    return this.#files.get(file);
  }

  warnUnused(): void {
    for (const file of this.#files.keys()) {
      const template = file.endsWith('.hbs');
      if (!(template || MANIFEST.test(file)) || isReserved(file) || this.#used.has(file)) continue;
      const misnamed = template && !MANIFEST.test(file);
      const hint = misnamed ? 'templates are called *.yaml.hbs' : 'name it in manifests, or remove it';
      this.#problems.warn(
        'UnusedFile',
        { file, line: 1, column: 1 },
        { message: 'no watch uses this file', hint },
      );
    }
  }

  #find(file: string, place: Place): string | undefined {
    const text = this.#files.get(file);
    if (!MANIFEST.test(file) || isReserved(file)) {
      const hint = 'a manifest is a *.yaml.hbs template or a plain *.yaml file';
      this.#problems.error('BadFileName', place, { message: `${file} can't be a manifest`, hint });
      return undefined;
    }
    if (text !== undefined) return text;
    const candidates = [...this.#files.keys()].filter((name) => MANIFEST.test(name) && !isReserved(name));
    const folder = file.includes('/') ? 'a playbook is one flat folder' : undefined;
    const hint = folder ?? didYouMean(file, candidates);
    const meant = nearest(file, candidates);
    if (meant !== undefined) this.#used.add(meant); // not left over
    this.#problems.error('FileMissing', place, { message: `there is no file ${file}`, hint });
    return undefined;
  }
}
