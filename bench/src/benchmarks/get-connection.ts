import type { Benchmark, Finding } from '../benchmark.js';
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

/** Answers per second, and what one costs the process. */
interface Round {
  perSecond: number;
  micros: number;
  busy: number;
}

const shown = (rounds: readonly Round[]): string =>
  `${Math.round(median(rounds.map(({ perSecond }) => perSecond)))}/s (process ${Math.round(median(rounds.map(({ busy }) => busy)) * 100)} % busy, ${median(rounds.map(({ micros }) => micros)).toFixed(0)} µs each)`;

/**
 * One connection of a shared space, read repeatedly by its owner: while nothing changes, and so that each answer is read
 * from the store. The bare server sends the same bytes.
 */
async function run(stage: Stage): Promise<Finding[]> {
  const client = findLoadClient();
  const mooring = await stage.mooring();
  const id = await connectInSpace(mooring);
  const url = `${mooring.url}/api/v1/data-connections/${id}`;
  const peer = await startPeer('bare-http', await answerOf(url));
  const bareUrl = `http://127.0.0.1:${(peer.ready as { port: number }).port}/`;
  const sides = {
    bare: { pid: peer.pid, url: bareUrl, headers: { authorization } },
    kept: { pid: mooring.pid, url, headers: { authorization } },
    anew: { pid: mooring.pid, url, headers: { authorization, 'cache-control': 'no-cache' } },
  };
  const load = (name: keyof typeof sides, seconds: number) => async (): Promise<Round> => {
    const { pid, ...request } = sides[name];
    const cost = await costOf(pid, () => client.perSecond({ ...request, seconds, connections }));
    const busy = cost.processorSeconds / cost.seconds;
    return { perSecond: cost.result, busy, micros: (busy / cost.result) * 1e6 };
  };
  const seconds = stage.isQuick ? 1 : 4;
  try {
    // Warm-up: compiles the hot paths of both.
    for (const name of ['kept', 'anew', 'bare'] as const) await load(name, 2)();
    const rounds = await interleave(stage.isQuick ? 2 : 7, {
      bare: load('bare', seconds),
      kept: load('kept', seconds),
      anew: load('anew', seconds),
    });
    const of = (name: keyof typeof sides, what: 'perSecond' | 'micros') =>
      rounds[name].map((round) => round[what]);
    const ceiling = { name: 'bare node:http, same bytes', value: shown(rounds.bare) };
    const what = `authenticated GET of one connection, ${client.name}, ${connections} connections`;
    const find = (name: 'kept' | 'anew', how: string): Finding[] => {
      const aim = name === 'kept' ? { aim: { atLeast: 0.4 } } : {};
      const ours = shown(rounds[name]);
      return [
        {
          ...{ what: `${what}, ${how}: rates`, ours, ceiling, ...aim },
          ratio: medianRatio(of(name, 'perSecond'), of('bare', 'perSecond')),
        },
        {
          ...{ what: 'the same: processor time of an answer', ours, ceiling, ...aim },
          ratio: medianRatio(of('bare', 'micros'), of(name, 'micros')),
        },
      ];
    };
    return [...find('kept', 'nothing changes'), ...find('anew', 'each read from the store')];
  } finally {
    await peer.stop();
  }
}

export const getConnection: Benchmark = { name: 'get', run };
