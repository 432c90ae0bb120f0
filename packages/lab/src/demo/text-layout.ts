const textLengthMax = 90;

/** Certificates and sign-in links would fill the screen. */
function inline(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > textLengthMax ? `${value.slice(0, textLengthMax - 30)}…` : value);
  }
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(inline).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${inline(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** JSON on one line where it fits, otherwise as many members on each line as fit. */
export function jsonLines(value: unknown, width: number): string[] {
  const whole = inline(value);
  if (whole.length <= width || value === null || typeof value !== 'object') return [whole];
  const isList = Array.isArray(value);
  const lines: string[] = [];
  let line = '';
  const flush = () => {
    if (line !== '') lines.push(`  ${line}`);
    line = '';
  };
  const entries = Object.entries(value);
  for (const [index, [name, member]] of entries.entries()) {
    const comma = index === entries.length - 1 ? '' : ',';
    const key = isList ? '' : `${JSON.stringify(name)}: `;
    const [first = '', ...more] = jsonLines(member, width - 2 - key.length - comma.length);
    const piece = `${key}${first}${more.length === 0 ? comma : ''}`;
    if (more.length > 0 || line.length + 1 + piece.length > width - 2) flush();
    line = line === '' ? piece : `${line} ${piece}`;
    if (more.length === 0) continue;
    flush();
    const last = more.length - 1;
    lines.push(...more.map((one, at) => `  ${one}${at === last ? comma : ''}`));
  }
  flush();
  return [isList ? '[' : '{', ...lines, isList ? ']' : '}'];
}

/** Breaks a text at blanks; a word that is longer than a line keeps its line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Only the members at these paths (names joined by dots, lists are looked through), in this order. */
export function pick(value: unknown, paths: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, paths));
  if (value === null || typeof value !== 'object') return value;
  const members = value as Record<string, unknown>;
  const names = new Set(paths.map((path) => path.split('.', 1)[0] ?? ''));
  const picked = [...names].flatMap((name) => {
    if (!(name in members)) return [];
    const below = paths
      .filter((path) => path.startsWith(`${name}.`))
      .map((path) => path.slice(name.length + 1));
    return [[name, below.length === 0 ? members[name] : pick(members[name], below)]];
  });
  return Object.fromEntries(picked);
}

/** Columns of equal width; each row one line. Numbers stand to the right. */
export function tableLines(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  const pad = (cell: string | number, width: number) =>
    typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
  return rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A readable duration: `7 ms`, `1.4 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
