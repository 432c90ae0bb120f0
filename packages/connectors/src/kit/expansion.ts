import { ConnectorError } from '../interface/errors.js';

/** Size in bytes to which compressed data may always expand, and the maximum expansion ratio beyond it. */
export const expansion = { freeBytes: 1024 * 1024, ratioMax: 200 };

/** Input bytes that may arrive before any output. */
const emptyBytesMax = 1024 * 1024;

/**
 * Compares a decoder's input with its output.
 * @throws ConnectorError `too_large` when data expands beyond {@link expansion}, `protocol_error` when it is larger
 * than its content, such as a million empty gzip members
 */
export function assertExpansion(bytesIn: number, bytesOut: number): void {
  if (bytesOut > expansion.freeBytes && bytesOut > bytesIn * expansion.ratioMax) {
    throw new ConnectorError(
      'too_large',
      `The compressed data of the source expands to more than ${expansion.ratioMax} times its size.`,
      { remedy: 'Store or send it uncompressed, or in smaller parts.' },
    );
  }
  if (bytesIn > emptyBytesMax + bytesOut * 2) {
    throw new ConnectorError('protocol_error', 'The compressed data of the source is almost empty.', {
      remedy: 'Compress it once, as a whole.',
    });
  }
}
