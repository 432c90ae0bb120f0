import { readConnectStatement } from '@mooring/connectors/kit/connect-statement';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { type Catalogue, splitProperties } from '../../catalogue/catalogue.js';
import { propertiesOfStatement } from '../../catalogue/connect-statement.js';
import { InvalidRequest } from '../../http/app-error.js';
import type { Caller } from '../../http/handler.js';

/** What a connect statement describes. */
export interface DescribedTarget {
  manifest: SourceManifest;
  definition: Record<string, unknown>;
}

/** The source that a statement names by itself: its id, or a provider that has one source only. */
function sourceNamedIn(catalogue: Catalogue, statement: string): string | undefined {
  const read = readConnectStatement(statement);
  if (!read.ok) return undefined;
  const { source, provider } = read.parts;
  if (source) return source;
  const only = catalogue.all().filter((manifest) => manifest.provider === provider);
  return only.length === 1 ? only[0]?.id : undefined;
}

/**
 * @param dataSourceId where the statement does not name its source
 * @throws InvalidRequest, AppError DCAAS-2001
 */
export async function describedBy(
  catalogue: Catalogue,
  caller: Caller,
  statement: string,
  dataSourceId: string | undefined,
): Promise<DescribedTarget> {
  const id = dataSourceId || sourceNamedIn(catalogue, statement);
  if (id === undefined) {
    throw new InvalidRequest([
      { field: 'dataSourceId', message: 'is required: the connect statement does not name its source' },
    ]);
  }
  const manifest = await catalogue.enabled(caller.tenantId, id);
  const { definition } = splitProperties(manifest, propertiesOfStatement(manifest, statement));
  return { manifest, definition };
}
