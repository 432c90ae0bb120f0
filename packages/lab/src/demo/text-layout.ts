/** JSON on as few lines as fit, broken between members only where a line is full. */
export function jsonLines(value: unknown, width: number): string[] {
  const spaced = JSON.stringify(shorten(value), null, 1)?.replace(/\n\s*/g, ' ') ?? '';
  return wrap(spaced, width);
}

/** Breaks a text at blanks; a word that is longer than a line keeps its line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}

const textLengthMax = 72;

/** Certificates and sign-in links would fill the screen. */
function shorten(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.length > textLengthMax ? `${value.slice(0, textLengthMax - 10)}…` : value;
  }
  if (Array.isArray(value)) return value.map(shorten);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shorten(member)]));
}

/** Only these members, in this order; those that are not there stay out. */
export function pick(value: unknown, names: readonly string[]): unknown {
  if (value === null || typeof value !== 'object') return value;
  const members = value as Record<string, unknown>;
  return Object.fromEntries(names.flatMap((name) => (name in members ? [[name, members[name]]] : [])));
}

/** Columns of equal width, numbers to the right; each row one line. */
export function tableLines(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** A time as people read it: `7 ms`, `1.4 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
