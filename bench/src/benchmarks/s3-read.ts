import type { Benchmark, Finding } from '../benchmark.js';
import { connectS3 } from '../connections.js';
import { startPeer } from '../peer-process.js';
import { readRows } from '../read-rows.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const key = 'public/big.csv';
const MEGABYTE = 1_000_000;

/** The lab's large CSV (900,000 rows) as NDJSON over HTTP; by the SDK alone; by the SDK and csv-parse. */
async function run(stage: Stage): Promise<Finding[]> {
  const s3 = await stage.s3();
  const mooring = await stage.mooring();
  const id = await connectS3(mooring, s3);
  const { accessKey, secretKey } = s3.accounts.analyst;
  const peer = await startPeer('bare-s3', {
    client: {
      endpoint: s3.url,
      region: s3.region,
      forcePathStyle: true,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    },
    bucket: 'mooring-lab',
    key,
  });
  let bytes = 0;
  const bare = (isParsed: boolean) => async () => {
    const answer = await peer.ask<{ count: number; seconds: number }>({ isParsed });
    if (!isParsed) bytes = answer.count;
    return answer.seconds;
  };
  const contenders = {
    bytes: bare(false),
    parsed: bare(true),
    ours: async () =>
      (await readRows(mooring, id, { accept: 'application/x-ndjson', path: key.split('/') })).seconds,
  };
  try {
    await interleave(1, contenders);
    const seconds = await interleave(stage.isQuick ? 2 : 5, contenders);
    const shown = (values: readonly number[]) => `${Math.round(bytes / median(values) / MEGABYTE)} MB/s read`;
    return [
      {
        what: 'S3, 51 MB of CSV to NDJSON over HTTP',
        ours: shown(seconds.ours),
        ceiling: { name: 'AWS SDK and csv-parse: the object read and parsed', value: shown(seconds.parsed) },
        ratio: medianRatio(seconds.parsed, seconds.ours),
        aim: { atLeast: 0.8 },
      },
      {
        what: 'the same, against the object not even parsed',
        ours: shown(seconds.ours),
        ceiling: { name: 'AWS SDK, bytes counted and dropped', value: shown(seconds.bytes) },
        ratio: medianRatio(seconds.bytes, seconds.ours),
      },
    ];
  } finally {
    await peer.stop();
  }
}

export const s3Read: Benchmark = { name: 's3', run };
