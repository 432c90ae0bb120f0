/** Formats that {@link readFile} understands. */
export type FileFormat = 'csv' | 'tsv' | 'json' | 'ndjson' | 'parquet';

const formatByEnding: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['parquet', 'parquet'],
]);

/**
 * Tells a file's format by the ending of its name, in any case: `.csv`, `.tsv`, `.json`, `.ndjson`, `.jsonl`,
 * each also with `.gz` behind, and `.parquet` (which compresses inside and needs random access).
 * @returns undefined for every other name.
 */
export function formatOf(name: string): { format: FileFormat; isGzip: boolean } | undefined {
  const lower = name.toLowerCase();
  const isGzip = lower.endsWith('.gz');
  const plain = isGzip ? lower.slice(0, -3) : lower;
  const format = formatByEnding.get(plain.slice(plain.lastIndexOf('.') + 1));
  if (format === undefined || !plain.includes('.')) return undefined;
  return isGzip && format === 'parquet' ? undefined : { format, isGzip };
}
