import type { Cell, Datasets, Field, Table } from './data.js';
import { BigQueryFailure } from './failure.js';
import { noParameters, parameterAt, type QueryParameters } from './parameters.js';

/** An answerable query. */
export interface Plan {
  /** As BigQuery names it in `statistics.query.statementType`. */
  statementType: 'SELECT' | 'INSERT';
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
  parameters?: QueryParameters;
}

const selectTable =
  /^SELECT\s+(\*|[\w`,\s]+?)\s+FROM\s+(`[^`]+`(?:\.`[^`]+`)*|[\w.-]+)(?:\s+LIMIT\s+(\d+))?\s*;?\s*$/i;
const insert = /^INSERT\s+(?:INTO\s+)?(`[^`]+`(?:\.`[^`]+`)*|[\w.-]+)\s/i;
const selectParameters = /^SELECT\s+((?:\?|@\w+)\s+AS\s+\w+(?:\s*,\s*(?:\?|@\w+)\s+AS\s+\w+)*)\s*;?\s*$/i;
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

/** `SELECT @a AS x, ? AS y`: one row of the parameters themselves. */
function planParameters(list: string, parameters: QueryParameters = noParameters): Plan {
  let place = 0;
  const picked = list.split(',').map((item) => {
    const [, mark = '', alias = ''] = /^\s*(\?|@\w+)\s+AS\s+(\w+)/i.exec(item) ?? [];
    if (mark === '?') place += 1;
    return { alias, ...parameterAt(parameters, mark === '?' ? place : mark.slice(1)) };
  });
  return {
    statementType: 'SELECT',
    fields: picked.map(({ alias, type }) => ({ name: alias, type })),
    rowCount: 1,
    row: () => picked.map(({ cell }) => cell),
    isEndless: false,
  };
}

/**
 * Understands `SELECT *` or plain columns from one table, with LIMIT, `SELECT SESSION_USER() AS name`, `SELECT` of
 * parameters, and `INSERT`, of which nothing comes.
 * @throws BigQueryFailure `invalidQuery` for anything else.
 */
export function planQuery(sql: string, scope: QueryScope): Plan {
  const text = sql.trim();
  const user = selectUser.exec(text);
  if (user !== null) {
    const fields = [{ name: user[1] ?? 'who', type: 'STRING' }];
    return { statementType: 'SELECT', fields, rowCount: 1, row: () => [scope.sub], isEndless: false };
  }
  const own = selectParameters.exec(text);
  if (own !== null) return planParameters(own[1] ?? '', scope.parameters);
  const writing = insert.exec(text);
  if (writing !== null) {
    resolveName(scope, writing[1] ?? '');
    return { statementType: 'INSERT', fields: [], rowCount: 0, row: () => [], isEndless: false };
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
    const row = (index: number) => table.row(scope.sub, index);
    return { statementType: 'SELECT', fields: table.fields, rowCount, row, isEndless };
  }
  const names = columns.split(',').map((column) => column.trim().replaceAll('`', ''));
  const picked = pickColumns(table.fields, names);
  return {
    statementType: 'SELECT',
    fields: picked.flatMap((index) => table.fields[index] ?? []),
    rowCount,
    row: (index) => {
      const cells = table.row(scope.sub, index);
      return picked.map((column) => cells[column] ?? null);
    },
    isEndless,
  };
}
