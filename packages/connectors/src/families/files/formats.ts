import type { FileOptions } from '@mooring/contract/file-options';

/** Formats that files are read in. */
export type FileFormat = NonNullable<FileOptions['format']>;

const formatByEnding: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
]);

/** What a name says about its file. */
export interface NamedFormat {
  format: FileFormat | undefined;
  isGzip: boolean;
}

/**
 * Tells a file's format by the ending of its name, in any case: `.csv`, `.tsv`, `.json`, `.ndjson`, `.jsonl`,
 * each also with `.gz` behind, and `.parquet` (which compresses inside and needs random access).
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

/** Whether a file can be read as rows, by its name or by what somebody says of files whose names say nothing. */
export const isReadable = (name: string, file: FileOptions = {}): boolean =>
  (formatOf(name).format ?? file.format) !== undefined;
