import { ConnectorError } from '../../interface/errors.js';
import { MisplacedJson } from './document.js';
import { DoubledName } from './exact.js';
import { NotText } from './gauge.js';

/** Where a record is, for messages: `Line 7 of the file`. */
export interface Place {
  unit: 'Line' | 'Row';
  /** From 1. */
  number: number;
  /** What it is a line or row of. */
  of: string;
  /** How to set the encoding for its reader. */
  encodingRemedy?: string;
}

/** A name from the source, as messages quote it. */
export const quoted = (name: string): string => JSON.stringify(name.slice(0, 128));

const encodingRemedy =
  'Set the property "encoding" of the connection to the encoding of its responses, for instance "windows-1252".';

/** For bytes that are not valid in their encoding. */
export function notText({ charset }: NotText, of: string, remedy = encodingRemedy): ConnectorError {
  return new ConnectorError('protocol_error', `The bytes of ${of} are not valid ${charset}.`, { remedy });
}

function doubledName({ member }: DoubledName, where: string): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `${where} repeats the member ${quoted(member)} in one object.`,
    {
      remedy: 'Only one of the two values could be kept. Member names must be unique within an object.',
    },
  );
}

/** The native message of a syntax error quotes the data, so it is not kept. */
export function recordFailure(error: unknown, { unit, number, of, encodingRemedy: remedy }: Place): unknown {
  const where = `${unit} ${number} of ${of}`;
  if (error instanceof DoubledName) return doubledName(error, where);
  if (error instanceof NotText) return notText(error, where[0]?.toLowerCase() + where.slice(1), remedy);
  return error instanceof SyntaxError ? notJson(where) : error;
}

/**
 * @param where subject of the sentence, capitalized
 * @param error has the position, if known
 */
export function notJson(where: string, error?: unknown): ConnectorError {
  const place =
    error instanceof MisplacedJson ? `, at character ${error.character} of line ${error.line}` : undefined;
  return new ConnectorError('protocol_error', `${where} is not valid JSON${place ?? ''}.`, {
    remedy: `Look ${place ? 'there' : 'in it'} for syntax that JSON does not allow (a comma before a bracket, single quotes, comments, NaN), or for a missing end.`,
  });
}
