import { ConnectorError } from '../spec/errors.js';

/** Bytes that compressed data may always expand to, and how many times its size beyond that. */
export const expansion = { freeBytes: 1024 * 1024, ratioMax: 200 };

/** Bytes that may come in before anything comes out. */
const emptyBytesMax = 1024 * 1024;

/**
 * Compares what a decoder took in with what came out of it.
 * @throws ConnectorError `too_large` when data expands beyond {@link expansion}, `protocol_error` when it is larger
 * than what it holds, such as a million empty gzip members
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
    throw new ConnectorError('protocol_error', 'The compressed data of the source holds next to nothing.', {
      remedy: 'Compress it once, as a whole.',
    });
  }
}
