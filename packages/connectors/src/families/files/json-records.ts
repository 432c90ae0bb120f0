import { ConnectorError } from '../../interface/errors.js';
import { assertUtf8, recordOf } from '../../kit/json/document.js';
import type { JsonRecord } from '../../kit/json/exact.js';
import { notText, type Place, recordFailure } from '../../kit/json/failures.js';
import { NotText } from '../../kit/json/gauge.js';
import type { JsonSpan } from '../../kit/json/spans.js';
import type { TextRequest } from './file-request.js';
import { encodingRemedy } from './text-reader.js';

/** A line of a file, or an item of its list. */
export interface Item {
  span: JsonSpan;
  place: Place;
}

export const placeOf = (unit: Place['unit'], number: number): Place => ({
  ...{ unit, number, of: 'the file', encodingRemedy },
});

/** For text that is not valid in its encoding. */
export const fileNotText = (charset: string): ConnectorError =>
  notText(new NotText(charset), 'the file', encodingRemedy);

/**
 * The row at this place.
 * @throws ConnectorError `protocol_error` with the place, for broken JSON or a value that is not an object
 */
export function itemRecord({ span, place }: Item, { caps }: Pick<TextRequest, 'caps'>): JsonRecord {
  const record = parsed(span, place, caps);
  if ('fields' in record) return record;
  const { unit, number, of } = place;
  throw new ConnectorError('protocol_error', `${unit} ${number} of ${of} is not a JSON object.`, {
    remedy: 'Write each row as an object, {"column": value}.',
  });
}

function parsed(span: JsonSpan, place: Place, caps: TextRequest['caps']): JsonRecord {
  try {
    assertUtf8(span.bytes.subarray(span.start, span.end));
    return recordOf(span, caps);
  } catch (error) {
    throw recordFailure(error, place);
  }
}
