import { valueAt } from './expectations.js';
import type { HttpAnswer } from './http-call.js';
import { duration, jsonLines, pick, tableLines, wrap } from './text-layout.js';

/** Start of every Arrow IPC message. */
export const arrowMark = Buffer.alloc(4, 0xff);

const rowsShown = 6;

const cellText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** The columns with their types, and the rows below them. */
function previewLines(columns: readonly unknown[], rows: readonly unknown[]): string[] {
  const names = columns.map((column) => `${valueAt(column, 'name')} (${valueAt(column, 'type')})`);
  const cells = rows.map((row) => (Array.isArray(row) ? row.map(cellText) : []));
  return tableLines([names, ...cells]);
}

function stageLine(stages: readonly unknown[]): string {
  const texts = stages.map((stage) => {
    const ms = valueAt(stage, 'ms');
    const time = typeof ms === 'number' ? ` ${duration(ms)}` : '';
    const trouble = [valueAt(stage, 'code'), valueAt(stage, 'message')].filter(Boolean).join(' ');
    return valueAt(stage, 'ok') === true
      ? `${valueAt(stage, 'name')} ✓${time}`
      : `${valueAt(stage, 'name')} ✗ ${trouble}`;
  });
  return texts.join(', ');
}

function jsonAnswer(body: unknown, width: number): string[] {
  const [stages, items, columns, rows] = ['stages', 'items', 'columns', 'rows'].map((name) =>
    valueAt(body, name),
  );
  if (Array.isArray(stages)) return wrap(`"ok": ${valueAt(body, 'ok')}: ${stageLine(stages)}`, width);
  if (Array.isArray(items)) {
    return wrap(items.map((item) => `${valueAt(item, 'name')} (${valueAt(item, 'kind')})`).join(', '), width);
  }
  if (Array.isArray(columns) && Array.isArray(rows)) {
    const more = valueAt(body, 'truncated') === true ? ['… there are more ("truncated": true)'] : [];
    return [...previewLines(columns, rows), ...more];
  }
  return jsonLines(body, width);
}

/**
 * The short form of an answer: stages, items and rows as lists, the first error only, other JSON as
 * it is or the given members of it.
 */
export function answerLines(
  answer: HttpAnswer,
  show: readonly string[] | undefined,
  width: number,
): string[] {
  const { status, body, text, bytes } = answer;
  if (body !== undefined && status >= 400) {
    const error = valueAt(body, 'errors.0');
    return jsonLines(error === undefined ? body : pick(error, ['code', 'detail', 'meta']), width);
  }
  if (body !== undefined) return jsonAnswer(show === undefined ? body : pick(body, show), width);
  if (bytes.length === 0) return [];
  const trailer = answer.streamTrailer === undefined ? [] : [`Mooring-Stream: ${answer.streamTrailer}`];
  if (bytes.subarray(0, 4).equals(arrowMark)) return [`${bytes.length} bytes of Arrow`, ...trailer];
  const lines = text.trimEnd().split('\n');
  const more = lines.length > rowsShown ? [`… ${lines.length} lines`] : [];
  return [...lines.slice(0, rowsShown).map((line) => line.trimEnd().slice(0, width)), ...more, ...trailer];
}
