import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Caller } from '../../../core/access/caller.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import { propertiesOfStatement, sourceNamedIn } from '../../../core/catalogue/connect-statement.js';
import { invalidField } from '../../../core/errors/app-error.js';

/** What a connect statement describes. */
export interface DescribedTarget {
  manifest: SourceManifest;
  definition: Record<string, unknown>;
}

/** With the names of the properties that the statement sets. */
export interface StatedTarget extends DescribedTarget {
  set: readonly string[];
}

/**
 * @param dataSourceId required when the statement does not name its data source
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
    throw invalidField('dataSourceId', 'is required: the connect statement does not name its data source');
  }
  const manifest = await catalogue.enabled(caller.tenantId, id);
  const { definition, set } = splitProperties(manifest, propertiesOfStatement(manifest, statement));
  return { manifest, definition, set };
}
