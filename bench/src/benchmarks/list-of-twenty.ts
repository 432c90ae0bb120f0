import { createConnection } from '@mooring/contract/routes/data-connections';
import { answerOf, authorization, connections, loadOf, shown } from '../answer-load.js';
import type { Benchmark, Finding } from '../benchmark.js';
import { postgresConnection } from '../connections.js';
import { findLoadClient } from '../http-load.js';
import { startPeer } from '../peer-process.js';
import type { Stage } from '../stage.js';
import { interleave, medianRatio } from '../statistics.js';

/** A page of 20 connections, read by their owner. The bare server writes the same objects as JSON for each answer. */
async function run(stage: Stage): Promise<Finding[]> {
  const client = findLoadClient();
  const mooring = await stage.mooring();
  const server = { host: '127.0.0.1', port: 5432, database: 'lab' };
  const login = { user: 'reader', password: 'not a real password' };
  for (let count = 0; count < 20; count += 1)
    await mooring.api.call(createConnection, { body: postgresConnection(`page ${count}`, login, server) });
  const url = `${mooring.url}/api/v1/data-connections?limit=20`;
  const { headers, body } = await answerOf(url);
  const peer = await startPeer('bare-http', { headers, body: JSON.parse(body) as object });
  const sides = {
    bare: {
      pid: peer.pid,
      url: `http://127.0.0.1:${(peer.ready as { port: number }).port}/`,
      headers: { authorization },
    },
    ours: { pid: mooring.pid, url, headers: { authorization } },
  };
  const load = (name: keyof typeof sides, seconds: number) => loadOf(client, sides[name], seconds);
  const seconds = stage.isQuick ? 1 : 4;
  try {
    for (const name of ['ours', 'bare'] as const) await load(name, 2)();
    const { bare, ours } = await interleave(stage.isQuick ? 2 : 7, {
      bare: load('bare', seconds),
      ours: load('ours', seconds),
    });
    const ceiling = { name: 'bare node:http that writes the same objects as JSON', value: shown(bare) };
    const rates = (rounds: typeof bare) => rounds.map(({ perSecond }) => perSecond);
    const micros = (rounds: typeof bare) => rounds.map((round) => round.micros);
    const what = `page of 20 connections, ${client.name}, ${connections} connections`;
    const common = { ours: shown(ours), ceiling, aim: { atLeast: 0.3 } };
    return [
      { what: `${what}: rates`, ...common, ratio: medianRatio(rates(ours), rates(bare)) },
      {
        what: 'the same: processor time of an answer',
        ...common,
        ratio: medianRatio(micros(bare), micros(ours)),
      },
    ];
  } finally {
    await peer.stop();
  }
}

export const listOfTwenty: Benchmark = { name: 'page', run };
