import type { Cell, Datasets, Field, Table } from './data.js';
import { BigQueryFailure } from './failure.js';

/** An answerable query. */
export interface Plan {
  fields: readonly Field[];
  rowCount: number;
  row(index: number): readonly Cell[];
  isEndless: boolean;
}

/** Where a table name is looked up, and for whom. */
export interface QueryScope {
  projectId: string;
  datasets: Datasets;
  sub: string;
  /** `defaultDataset.datasetId` of the request. */
  defaultDataset?: string;
}

const selectTable =
  /^SELECT\s+(\*|[\w`,\s]+?)\s+FROM\s+(`[^`]+`(?:\.`[^`]+`)*|[\w.-]+)(?:\s+LIMIT\s+(\d+))?\s*;?\s*$/i;
const selectUser = /^SELECT\s+SESSION_USER\(\)\s+AS\s+(\w+)\s*;?\s*$/i;

/** @throws BigQueryFailure `notFound` or `accessDenied`. */
export function findTable(scope: QueryScope, datasetId: string, tableId: string): Table {
  const name = `${scope.projectId}:${datasetId}`;
  const dataset = scope.datasets.get(datasetId);
  if (dataset === undefined) throw new BigQueryFailure('notFound', `Not found: Dataset ${name}`);
  const table = dataset.get(tableId);
  if (table === undefined) throw new BigQueryFailure('notFound', `Not found: Table ${name}.${tableId}`);
  if (table.readers !== undefined && !table.readers.includes(scope.sub)) {
    const message = `Access Denied: Table ${name}.${tableId}: User does not have permission to query table`;
    throw new BigQueryFailure('accessDenied', message);
  }
  return table;
}

function resolveName(scope: QueryScope, quoted: string): Table {
  const parts = quoted.replaceAll('`', '').split('.');
  const tableId = parts.at(-1) ?? '';
  const datasetId = parts.at(-2) ?? scope.defaultDataset;
  const projectId = parts.at(-3) ?? scope.projectId;
  if (datasetId === undefined || parts.length > 3) {
    throw new BigQueryFailure(
      'invalid',
      `Table "${tableId}" must be qualified with a dataset (e.g. dataset.table).`,
    );
  }
  if (projectId !== scope.projectId) {
    throw new BigQueryFailure('notFound', `Not found: Project ${projectId}`);
  }
  return findTable(scope, datasetId, tableId);
}

/** Picks columns by name, in the order asked for. @throws BigQueryFailure `invalidQuery` for an unknown one. */
export function pickColumns(fields: readonly Field[], names: readonly string[]): readonly number[] {
  return names.map((name) => {
    const index = fields.findIndex((field) => field.name.toLowerCase() === name.toLowerCase());
    if (index < 0) throw new BigQueryFailure('invalidQuery', `Unrecognized name: ${name} at [1:8]`);
    return index;
  });
}

/**
 * Understands `SELECT *` or plain columns from one table, with LIMIT, and `SELECT SESSION_USER() AS name`.
 * @throws BigQueryFailure `invalidQuery` for anything else.
 */
export function planQuery(sql: string, scope: QueryScope): Plan {
  const text = sql.trim();
  const user = selectUser.exec(text);
  if (user !== null) {
    const fields = [{ name: user[1] ?? 'who', type: 'STRING' }];
    return { fields, rowCount: 1, row: () => [scope.sub], isEndless: false };
  }
  const match = selectTable.exec(text);
  if (match === null) {
    throw new BigQueryFailure('invalidQuery', 'Syntax error: Unexpected or unsupported statement at [1:1]');
  }
  const [, columns = '*', name = '', limit] = match;
  const table = resolveName(scope, name);
  const total = table.rowCount(scope.sub);
  const rowCount = limit === undefined ? total : Math.min(total, Number(limit));
  const isEndless = table.isEndless ?? false;
  if (columns === '*') {
    return { fields: table.fields, rowCount, row: (index) => table.row(scope.sub, index), isEndless };
  }
  const names = columns.split(',').map((column) => column.trim().replaceAll('`', ''));
  const picked = pickColumns(table.fields, names);
  return {
    fields: picked.flatMap((index) => table.fields[index] ?? []),
    rowCount,
    row: (index) => {
      const cells = table.row(scope.sub, index);
      return picked.map((column) => cells[column] ?? null);
    },
    isEndless,
  };
}
