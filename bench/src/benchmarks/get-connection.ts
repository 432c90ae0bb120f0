import { answerOf, authorization, connections, loadOf, shown } from '../answer-load.js';
import type { Benchmark, Finding } from '../benchmark.js';
import { connectInSpace } from '../connections.js';
import { findLoadClient } from '../http-load.js';
import { startPeer } from '../peer-process.js';
import type { Stage } from '../stage.js';
import { interleave, medianRatio } from '../statistics.js';

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
  const load = (name: keyof typeof sides, seconds: number) => loadOf(client, sides[name], seconds);
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
