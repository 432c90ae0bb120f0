import type { Cell } from '../../interface/data-types.js';
import { brokenFrame } from '../../kit/frame-guard.js';
import { listOf } from '../../kit/json/cells.js';
import { Misfit } from '../../kit/misfit.js';

/** How to read the elements of an array. */
export interface ElementForm {
  parse(text: string): Cell;
  /** Separates elements; a comma for all types of PostgreSQL except `box`. */
  delimiter: string;
}

/** Maximum dimensions of a PostgreSQL array (MAXDIM). */
const depthMax = 6;

class ArrayReader {
  private readonly text: string;
  private readonly form: ElementForm;
  private at = 0;

  constructor(text: string, form: ElementForm) {
    this.text = text;
    this.form = form;
  }

  read(): Cell {
    const items = this.list(1);
    if (this.at !== this.text.length) throw brokenFrame();
    return items;
  }

  private list(depth: number): Cell {
    if (depth > depthMax || this.text[this.at] !== '{') throw brokenFrame();
    this.at += 1;
    const items: Cell[] = [];
    if (this.text[this.at] === '}') {
      this.at += 1;
      return listOf(items);
    }
    for (;;) {
      items.push(this.text[this.at] === '{' ? this.list(depth + 1) : this.element());
      const found = this.text[this.at];
      this.at += 1;
      if (found === '}') return listOf(items);
      if (found !== this.form.delimiter) throw brokenFrame();
    }
  }

  private element(): Cell {
    if (this.text[this.at] === '"') return this.form.parse(this.quoted());
    const start = this.at;
    let isEscaped = false;
    while (!this.isEnd()) {
      if (this.text[this.at] === '\\') {
        isEscaped = true;
        this.at += 1;
      }
      this.at += 1;
    }
    const found = this.text.slice(start, this.at);
    if (found.length === 0) throw brokenFrame();
    if (!isEscaped && found.toUpperCase() === 'NULL') return null;
    return this.form.parse(isEscaped ? found.replaceAll(/\\(.)/gs, '$1') : found);
  }

  private isEnd(): boolean {
    const found = this.text[this.at];
    if (found === undefined) throw brokenFrame();
    return found === '}' || found === this.form.delimiter;
  }

  private quoted(): string {
    const start = this.at + 1;
    let isEscaped = false;
    for (let at = start; at < this.text.length; at += 1) {
      const found = this.text[at];
      if (found === '\\') {
        isEscaped = true;
        at += 1;
      } else if (found === '"') {
        this.at = at + 1;
        const inside = this.text.slice(start, at);
        return isEscaped ? inside.replaceAll(/\\(.)/gs, '$1') : inside;
      }
    }
    throw brokenFrame();
  }
}

/**
 * An array in its text form. Source: PostgreSQL documentation, "Array Input and Output Syntax".
 * @throws Misfit for bounds that do not start at 1, which a list cannot represent
 */
export function parseArray(text: string, form: ElementForm): Cell {
  if (text.startsWith('[')) throw new Misfit('holds an array whose bounds do not start at 1');
  return new ArrayReader(text, form).read();
}
