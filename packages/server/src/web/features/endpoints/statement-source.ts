import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Caller } from '../../../core/access/caller.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import { propertiesOfStatement, sourceNamedIn } from '../../../core/catalogue/connect-statement.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';

/** What a connect statement describes. */
export interface DescribedTarget {
  manifest: SourceManifest;
  definition: Record<string, unknown>;
}

/** What a statement says, with the names of what it sets. */
export interface StatedTarget extends DescribedTarget {
  set: readonly string[];
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
): Promise<StatedTarget> {
  const id = dataSourceId || sourceNamedIn(catalogue, statement);
  if (id === undefined) {
    throw new InvalidRequest([
      { field: 'dataSourceId', message: 'is required: the connect statement does not name its source' },
    ]);
  }
  const manifest = await catalogue.enabled(caller.tenantId, id);
  const { definition, set } = splitProperties(manifest, propertiesOfStatement(manifest, statement));
  return { manifest, definition, set };
}
