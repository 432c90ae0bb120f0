import type { Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { createBatchPacer } from '../../kit/batches.js';
import { brokenFrame, statementBudget } from '../../kit/frame-guard.js';
import type { RowsRequest } from '../sql/connection.js';
import type { RowShape } from './fields.js';
import type { Wire } from './wire.js';

/** Buffers arrived rows, tracks demand, and records how the read ended. */
export function createIntake(wire: Wire, { limit, batchRows }: RowsRequest) {
  const pacer = createBatchPacer();
  const full: Row[][] = [];
  let filling: Row[] = [];
  let taken = 0;
  let ended: { error?: unknown } | undefined;
  let wake: () => void = () => undefined;
  let isDiscarding = false;
  let toRow: RowShape['toRow'] | undefined;
  /** A value that its column cannot represent. Rows before it are still returned, and the statement is cancelled. */
  let refused: { error: unknown } | undefined;

  const flush = () => {
    if (filling.length > 0) full.push(filling);
    filling = [];
  };
  const arrival = () => {
    wire.stream().resume();
    return new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  const endWith = (error?: unknown) => {
    if (ended) return;
    // Responses to later commands must not queue behind the last batch.
    wire.allow(statementBudget());
    wire.stream().resume();
    flush();
    ended = error === undefined ? {} : { error };
    wake();
  };
  const add = (values: unknown[]) => {
    if (wire.hasOverread()) throw brokenFrame();
    pacer.row();
    if (isDiscarding || refused || !toRow || taken >= (limit ?? Number.POSITIVE_INFINITY)) return;
    taken += 1;
    try {
      filling.push(toRow(values, taken));
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.kind === 'protocol_error') throw error;
      refused = { error };
      flush();
      wake();
      return;
    }
    if (filling.length < batchRows && !pacer.isFull() && taken !== limit) return;
    flush();
    pacer.next(batchRows);
    wire.stream().pause();
    wake();
  };
  const take = async (): Promise<Row[] | undefined> => {
    while (full.length === 0 && !ended && !refused) await arrival();
    const batch = full.shift();
    if (!batch && refused) throw refused.error;
    if (!batch && ended && 'error' in ended) throw ended.error;
    if (full.length === 0 && taken !== limit) wire.stream().resume();
    return batch;
  };
  const discard = async () => {
    isDiscarding = true;
    full.length = 0;
    filling = [];
    while (!ended) await arrival();
  };
  const begin = (shape: RowShape) => {
    toRow = shape.toRow;
    wire.allow(pacer);
  };
  return {
    begin,
    add,
    endWith,
    take,
    discard,
    isEnded: () => ended !== undefined,
    isAtLimit: () => taken === limit && full.length === 0,
  };
}

export type Intake = ReturnType<typeof createIntake>;
