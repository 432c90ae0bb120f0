import type { Benchmark } from '../benchmark.js';
import { connectInSpace } from '../connections.js';
import { findLoadClient } from '../http-load.js';
import { apiKey } from '../mooring-process.js';
import { startPeer } from '../peer-process.js';
import { costOf } from '../process-cost.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const connections = 32;
const authorization = `Bearer ${apiKey}`;

/** Headers that Node adds itself. */
const written = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);

async function answerOf(url: string): Promise<{ headers: Record<string, string>; body: string }> {
  const response = await fetch(url, { headers: { authorization } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  const headers = [...response.headers].filter(([name]) => !written.has(name));
  return { headers: Object.fromEntries(headers), body: await response.text() };
}

/** One connection of a shared space, read repeatedly by its owner; the bare server sends the same bytes. */
async function run(stage: Stage) {
  const client = findLoadClient();
  const mooring = await stage.mooring();
  const id = await connectInSpace(mooring);
  const url = `${mooring.url}/api/v1/data-connections/${id}`;
  const peer = await startPeer('bare-http', await answerOf(url));
  const bareUrl = `http://127.0.0.1:${(peer.ready as { port: number }).port}/`;
  const seconds = stage.isQuick ? 1 : 4;
  const loadOn = (pid: number, target: string) => () =>
    costOf(pid, () => client.perSecond({ url: target, headers: { authorization }, seconds, connections }));
  try {
    // Warm-up: compiles the hot paths of both.
    for (const warm of [url, bareUrl]) {
      await client.perSecond({ url: warm, headers: { authorization }, seconds: 2, connections });
    }
    const rounds = await interleave(stage.isQuick ? 2 : 7, {
      bare: loadOn(peer.pid, bareUrl),
      ours: loadOn(mooring.pid, url),
    });
    const perSecond = (name: 'bare' | 'ours') => rounds[name].map(({ result }) => result);
    // If the process is not saturated, the client or the machine is the bottleneck; compare latencies then.
    const shown = (name: 'bare' | 'ours') => {
      const busy = median(rounds[name].map((cost) => cost.processorSeconds / cost.seconds));
      const micros = median(
        rounds[name].map((cost) => (cost.processorSeconds / cost.seconds / cost.result) * 1e6),
      );
      return `${Math.round(median(perSecond(name)))}/s (process ${Math.round(busy * 100)} % busy, ${Math.round(micros)} µs each)`;
    };
    return [
      {
        what: `authenticated GET of one connection, ${client.name}, ${connections} connections`,
        ours: shown('ours'),
        ceiling: { name: 'bare node:http, same bytes', value: shown('bare') },
        ratio: medianRatio(perSecond('ours'), perSecond('bare')),
        aim: { atLeast: 0.6 },
      },
    ];
  } finally {
    await peer.stop();
  }
}

export const getConnection: Benchmark = { name: 'get', run };
