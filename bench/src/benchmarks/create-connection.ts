import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Benchmark } from '../benchmark.js';
import { postgresConnection } from '../connections.js';
import { apiKey, type MooringProcess } from '../mooring-process.js';
import { startPeer } from '../peer-process.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const concurrent = 8;

function post(mooring: MooringProcess, agent: Agent, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${mooring.url}/api/v1/data-connections`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    });
    outgoing.once('error', reject).once('response', (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`POST answered ${response.statusCode}: ${answer}`));
      }, reject);
    });
    outgoing.end(JSON.stringify(body));
  });
}

function creator(mooring: MooringProcess) {
  const login = { user: 'reader', password: 'not a real password' };
  const server = { host: '127.0.0.1', port: 5432, database: 'lab' };
  let count = 0;
  return async (seconds: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: concurrent });
    const begun = performance.now();
    let created = 0;
    const work = async () => {
      while (performance.now() - begun < seconds * 1000) {
        count += 1;
        await post(mooring, agent, postgresConnection(`created ${count}`, login, server));
        created += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrent }, work));
    agent.destroy();
    return (created / (performance.now() - begun)) * 1000;
  };
}

/**
 * A connection with its own sealed login: five rows in one transaction, including checks and vault. The bare
 * side inserts one row per transaction with the same driver, write-ahead log and synchronous setting.
 */
async function run(stage: Stage) {
  const mooring = await stage.mooring();
  const peer = await startPeer('bare-insert', { file: await stage.freshPath('bare.db') });
  const seconds = stage.isQuick ? 1 : 3;
  const create = creator(mooring);
  try {
    await create(seconds);
    const rounds = await interleave(stage.isQuick ? 2 : 7, {
      bare: async () => (await peer.ask<{ perSecond: number }>({ seconds })).perSecond,
      ours: () => create(seconds),
    });
    return [
      {
        what: `create a connection with a login (POST, ${concurrent} at a time)`,
        ours: `${Math.round(median(rounds.ours))}/s`,
        ceiling: {
          name: 'bare libsql, one row a transaction, WAL, FULL',
          value: `${Math.round(median(rounds.bare))}/s`,
        },
        ratio: medianRatio(rounds.ours, rounds.bare),
      },
    ];
  } finally {
    await peer.stop();
  }
}

export const createConnection: Benchmark = { name: 'create', run };
