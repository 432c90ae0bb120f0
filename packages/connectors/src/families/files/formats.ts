import type { FileOptions } from '@mooring/contract/file-options';

/** Supported file formats. */
export type FileFormat = NonNullable<FileOptions['format']>;

const formatByEnding: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
]);

/** What a file name implies. */
export interface NamedFormat {
  format: FileFormat | undefined;
  isGzip: boolean;
}

/**
 * Detects the format by the file extension, case-insensitively: `.csv`, `.tsv`, `.json`, `.ndjson`, `.jsonl`, each also
 * with `.gz` appended, and `.parquet` (which compresses internally and needs random access).
 */
export function formatOf(name: string): NamedFormat {
  const lower = name.toLowerCase();
  const isGzip = lower.endsWith('.gz');
  const plain = isGzip ? lower.slice(0, -3) : lower;
  const format = plain.includes('.')
    ? formatByEnding.get(plain.slice(plain.lastIndexOf('.') + 1))
    : undefined;
  return { format: isGzip && format === 'parquet' ? undefined : format, isGzip };
}

/** Whether a file can be read as rows, by its name or by the format that is set for names without a known extension. */
export const isReadable = (name: string, file: FileOptions = {}): boolean =>
  (formatOf(name).format ?? file.format) !== undefined;
