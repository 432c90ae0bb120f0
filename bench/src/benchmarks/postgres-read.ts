import type { Benchmark, Finding } from '../benchmark.js';
import { connectPostgres } from '../connections.js';
import { startPeer } from '../peer-process.js';
import { readRows } from '../read-rows.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const table = ['sales', 'big'];
const text = 'select * from "sales"."big"';

const formats = {
  NDJSON: 'application/x-ndjson',
  CSV: 'text/csv',
  Arrow: 'application/vnd.apache.arrow.stream',
} as const;

type Format = keyof typeof formats;

/** All rows of `sales.big` (five columns), in each format over HTTP, and with the driver alone. */
async function run(stage: Stage): Promise<Finding[]> {
  const postgres = await stage.postgres();
  const mooring = await stage.mooring();
  const id = await connectPostgres(mooring, postgres);
  const { host, port, database, roles } = postgres;
  const peer = await startPeer('bare-cursor', {
    connection: { host, port, database, ...roles.reader, ssl: false },
    text,
  });
  let rows = 0;
  const bare = (isTextOnly: boolean) => async () => {
    const answer = await peer.ask<{ rows: number; seconds: number }>({ isTextOnly });
    rows = answer.rows;
    return answer.seconds;
  };
  const ours = (format: Format) => async () =>
    (await readRows(mooring, id, { accept: formats[format], path: table })).seconds;
  const contenders = {
    bare: bare(false),
    bareText: bare(true),
    NDJSON: ours('NDJSON'),
    CSV: ours('CSV'),
    Arrow: ours('Arrow'),
  };
  try {
    // Drivers and libraries are loaded on first use.
    await interleave(1, contenders);
    const seconds = await interleave(stage.isQuick ? 2 : 5, contenders);
    const shown = (values: readonly number[]) => `${Math.round(rows / median(values) / 1000)} k rows/s`;
    // Inverse of seconds: more is better.
    const ratio = (name: 'bare' | 'bareText', format: Format) => medianRatio(seconds[name], seconds[format]);
    return (Object.keys(formats) as Format[]).flatMap((format) => [
      {
        what: `PostgreSQL, ${rows} rows to ${format} over HTTP`,
        ours: shown(seconds[format]),
        ceiling: { name: 'pg-cursor, the driver as it comes', value: shown(seconds.bare) },
        ratio: ratio('bare', format),
        aim: { atLeast: 0.8 },
      },
      {
        what: `the same, ${format}, against the driver making nothing of the values`,
        ours: shown(seconds[format]),
        ceiling: { name: 'pg-cursor, values left as text', value: shown(seconds.bareText) },
        ratio: ratio('bareText', format),
      },
    ]);
  } finally {
    await peer.stop();
  }
}

export const postgresRead: Benchmark = { name: 'postgres', run };
