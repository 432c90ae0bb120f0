import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ConnectorError, ErrorTable } from '../../interface/errors.js';
import type { AnySource } from '../../interface/source.js';
import { createRetries } from '../../kit/retries.js';
import { type OpenUse, openUse, type RowStream } from '../../kit/session/open-use.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import type { Job, JobService, PagedRows } from './service.js';
import { jobSource } from './source.js';

const columns = [{ name: 'n', type: 'integer', nullable: false }] as const;

const errors: ErrorTable = {
  codes: { RESOURCES: { kind: 'quota_exceeded', message: 'The query needs too much.' } },
  fallback: { kind: 'protocol_error', message: 'The query failed.' },
};

/** A result of so many rows in pages of two, which says what it was asked for. */
function resultOf(rows: number, asked: string[], change: Partial<PagedRows> = {}): PagedRows {
  const pageAt = (start: number) => ({
    rows: Array.from({ length: Math.max(0, Math.min(2, rows - start)) }, (_, index) => start + index),
    ...(start + 2 < rows ? { next: String(start + 2) } : {}),
  });
  return {
    columns,
    toRow: (row) => [Number(row)],
    first: pageAt(0),
    async page(token) {
      asked.push(`page ${token}`);
      return pageAt(Number(token));
    },
    ...change,
  };
}

interface Scripted {
  use: OpenUse;
  asked: string[];
  leave: AbortController;
}

/** A session with a service whose only job is this one. */
async function opened(make: (asked: string[]) => Partial<Job>): Promise<Scripted> {
  const asked: string[] = [];
  const job: Job = {
    submit: async () => undefined,
    poll: async () => resultOf(5, asked),
    cancel: async () => {},
    ...make(asked),
  };
  const told = <Result>(what: string, work: Promise<Result>): Promise<Result> => {
    asked.push(what);
    return work;
  };
  const noted: Job = {
    submit: () => told('submit', job.submit()),
    poll: (call) => told('poll', job.poll(call)),
    cancel: () => told('cancel', job.cancel()),
  };
  const service: JobService = {
    ping: async () => ({}),
    browse: async () => ({ items: [] }),
    read: async () => noted,
  };
  const source = {
    id: 'jobs',
    properties: z.strictObject({}),
    settings: z.strictObject({}),
    logins: { none: { label: 'None', fields: {}, required: [] } },
    abilities: {
      query: { language: 'sql', parameters: 'none' },
      pushdown: { filter: [] },
      cancel: 'at-source',
    },
    load: async () => ({ connector: jobSource({ connect: async () => service, errors }) }),
  } as unknown as AnySource;
  const leave = new AbortController();
  const input = { definition: {}, method: 'none', fields: {}, settings: {} };
  const use = await openUse(source, input, {
    network: createDirectNetwork(),
    retries: createRetries(),
    signal: new AbortController().signal,
  });
  return { use, asked, leave };
}

const reading = ({ use, leave }: Scripted, more: { limit?: number; timeoutMs?: number } = {}) => {
  const { timeoutMs, ...request } = more;
  const options = { signal: leave.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return use.read({ target: { query: 'select' }, batchRows: 100, ...request }, options);
};

async function rowsOf({ batches }: RowStream): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const batch of batches) if ('rows' in batch) rows.push(...batch.rows.flat());
  return rows;
}

const never = <Value>() => new Promise<Value>(() => {});

describe('a source of jobs', () => {
  it('submits, polls until there is a result, and asks for each page when its rows are read', async () => {
    let polls = 0;
    const session = await opened((asked) => ({
      async poll() {
        polls += 1;
        return polls < 3 ? undefined : resultOf(5, asked);
      },
    }));
    const stream = await reading(session);
    expect(session.asked).toEqual(['submit', 'poll', 'poll', 'poll']);
    expect(await rowsOf(stream)).toEqual([0, 1, 2, 3, 4]);
    expect(session.asked.slice(4)).toEqual(['page 2', 'page 4']);
    const limited = await reading(session, { limit: 3 });
    expect(await rowsOf(limited)).toEqual([0, 1, 2]);
    await session.use.close();
    expect(session.asked.slice(6)).toEqual(['submit', 'poll', 'page 2']);
  });

  it('needs no poll where the submission brings the result', async () => {
    const session = await opened((asked) => ({ submit: async () => resultOf(2, asked) }));
    expect(await rowsOf(await reading(session))).toEqual([0, 1]);
    expect(session.asked).toEqual(['submit']);
  });

  it('polls less and less often, but a source that holds its answer at once', async () => {
    const times: number[] = [];
    const session = await opened((asked) => ({
      poll: async () => {
        times.push(performance.now());
        return times.length < 4 ? undefined : resultOf(1, asked);
      },
    }));
    await reading(session);
    const [first = 0, second = 0, third = 0, fourth = 0] = times;
    expect(second - first).toBeGreaterThan(90);
    expect(third - second).toBeGreaterThan(190);
    expect(fourth - third).toBeGreaterThan(390);
  });

  it.each([
    ['its caller leaves', 'cancelled', {}],
    ['its time is over', 'timeout', { timeoutMs: 50 }],
  ])('D25: stops a job at the source when %s', async (_title, kind, more) => {
    const session = await opened(() => ({ poll: never }));
    const failure = reading(session, more).catch((error: ConnectorError) => error);
    if (kind === 'cancelled') {
      await expect.poll(() => session.asked).toContain('poll');
      session.leave.abort();
    }
    expect(await failure).toMatchObject({ kind });
    await expect.poll(() => session.asked).toEqual(['submit', 'poll', 'cancel']);
    await session.use.close();
    expect(session.asked).toHaveLength(3);
  });

  it('D25: stops a job whose submission is answered after its caller has left', async () => {
    let answer = () => {};
    const session = await opened(() => ({
      submit: () => new Promise<undefined>((resolve) => (answer = () => resolve(undefined))),
    }));
    const failure = reading(session).catch((error: ConnectorError) => error);
    await expect.poll(() => session.asked).toEqual(['submit']);
    session.leave.abort();
    expect(await failure).toMatchObject({ kind: 'cancelled' });
    expect(session.asked).toEqual(['submit']);
    answer();
    await session.use.close();
    expect(session.asked).toEqual(['submit', 'cancel']);
  });

  it('stops a job that it cannot poll, and translates the failure by the table of the source', async () => {
    const session = await opened(() => ({
      poll: async () => {
        throw Object.assign(new Error('native'), { code: 'RESOURCES' });
      },
      cancel: async () => {
        throw new Error('gone');
      },
    }));
    await expect(reading(session)).rejects.toMatchObject({ kind: 'quota_exceeded', nativeCode: 'RESOURCES' });
    await session.use.close();
    expect(session.asked).toEqual(['submit', 'poll', 'cancel']);
  });

  it('a closed session leaves no job running', async () => {
    const session = await opened(() => ({ poll: never }));
    const failure = reading(session).catch((error: ConnectorError) => error);
    await expect.poll(() => session.asked).toContain('poll');
    await session.use.close();
    expect(session.asked).toEqual(['submit', 'poll', 'cancel']);
    expect(await failure).toMatchObject({ kind: 'cancelled' });
  });

  it('TR17: ends a result that does not end by itself', async () => {
    const endless = async (page: PagedRows['page']) => {
      const session = await opened((asked) => ({
        submit: async () => resultOf(0, asked, { first: { rows: [], next: '0' }, page }),
      }));
      return reading(session).then(rowsOf);
    };
    await expect(endless(async () => ({ rows: [1], next: '0' }))).rejects.toMatchObject({
      message: 'The source sent the same page twice.',
    });
    await expect(endless(async (token) => ({ rows: [], next: `${token}0` }))).rejects.toMatchObject({
      message: 'The source keeps sending pages without rows.',
    });
  });
});
