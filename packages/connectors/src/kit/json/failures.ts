import { ConnectorError } from '../../spec/errors.js';
import { MisplacedJson } from './document.js';
import { DoubledName } from './exact.js';
import { NotText } from './gauge.js';

/** Where a record stands, for messages: `Line 7 of the file`. */
export interface Place {
  unit: 'Line' | 'Row';
  /** From 1. */
  number: number;
  /** What it is a line or row of. */
  of: string;
  /** How its reader is told the encoding. */
  encodingRemedy?: string;
}

/** A name of the source's, as messages quote it. */
export const quoted = (name: string): string => JSON.stringify(name.slice(0, 128));

const encodingRemedy =
  'Set the property "encoding" of the connection to the encoding of its answers, for instance "windows-1252".';

/** What the text of a source says when it is none. */
export function notText({ charset }: NotText, of: string, remedy = encodingRemedy): ConnectorError {
  return new ConnectorError('protocol_error', `The bytes of ${of} are not valid ${charset}.`, { remedy });
}

function doubledName({ member }: DoubledName, where: string): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `${where} has the member ${quoted(member)} twice in one object.`,
    {
      remedy:
        'Only one of the two values could be kept: give the members of an object different names at the source.',
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
 * @param where what is none, at the beginning of a sentence
 * @param error says where in it, if it knows
 */
export function notJson(where: string, error?: unknown): ConnectorError {
  const place =
    error instanceof MisplacedJson ? `, at character ${error.character} of line ${error.line}` : undefined;
  return new ConnectorError('protocol_error', `${where} is not valid JSON${place ?? ''}.`, {
    remedy: `Look ${place ? 'there' : 'in it'} for what JSON does not allow (a comma before a bracket, single quotes, comments, NaN), or for an end that is missing.`,
  });
}
