import { describe, expect, it } from 'vitest';
import { contentTypeOf, negotiate } from './media-type.js';

describe('the form of an answer', () => {
  it.each([
    undefined,
    '',
    ' ',
    '*/*',
    'application/*',
    'application/json',
    'application/json, text/plain, */*',
  ])('is NDJSON for a caller without a wish of its own: %s', (accept) => {
    expect(negotiate(accept)).toBe('ndjson');
  });

  it.each([
    ['application/x-ndjson', 'ndjson'],
    ['application/ndjson', 'ndjson'],
    ['application/jsonl', 'ndjson'],
    ['text/csv', 'csv'],
    ['TEXT/CSV', 'csv'],
    ['text/csv; charset=utf-8', 'csv'],
    ['text/*', 'csv'],
    ['text/csv; formulas=keep', 'csv'],
    ['text/csv; charset=utf-8; Formulas="escape"; q=0.5', 'csv-for-spreadsheets'],
    ['text/html, text/csv;formulas=escape', 'csv-for-spreadsheets'],
    ['application/vnd.apache.arrow.stream', 'arrow'],
  ])('is the one that the caller names: %s', (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });

  it.each([
    ['application/x-ndjson;q=0.2, text/csv;q=0.9', 'csv'],
    ['text/csv;q=0.5, application/vnd.apache.arrow.stream', 'arrow'],
    ['text/html, text/csv;q=0.1', 'csv'],
    ['application/x-ndjson;q=0, */*', 'csv'],
    ['text/csv;q=0, text/*;q=0.5, application/vnd.apache.arrow.stream;q=0.1', 'arrow'],
  ])('follows the weights: %s', (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });

  it.each([
    'text/html',
    'application/xml, image/*',
    'text/csv;q=0',
    'text/csv;formulas=run',
    'nonsense',
    ',',
  ])('is undefined when no format is acceptable: %s', (accept) => {
    expect(negotiate(accept)).toBeUndefined();
  });

  it('is named in the content type', () => {
    expect(['ndjson', 'csv', 'arrow'].map((format) => contentTypeOf(format as 'csv'))).toEqual([
      'application/x-ndjson',
      'text/csv; charset=utf-8; header=present',
      'application/vnd.apache.arrow.stream',
    ]);
  });
});
