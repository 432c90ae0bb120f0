import type { LoadClient } from './http-load.js';
import { apiKey } from './mooring-process.js';
import { costOf } from './process-cost.js';
import { median } from './statistics.js';

/** Connections of the load. */
export const connections = 32;
export const authorization = `Bearer ${apiKey}`;

/** Headers that Node adds itself. */
const written = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);

export async function answerOf(url: string): Promise<{ headers: Record<string, string>; body: string }> {
  const response = await fetch(url, { headers: { authorization } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  const headers = [...response.headers].filter(([name]) => !written.has(name));
  return { headers: Object.fromEntries(headers), body: await response.text() };
}

/** Answers per second, and what one costs the process. */
export interface Round {
  perSecond: number;
  micros: number;
  busy: number;
}

export interface Side {
  pid: number;
  url: string;
  headers: Readonly<Record<string, string>>;
}

export const loadOf =
  (client: LoadClient, { pid, ...request }: Side, seconds: number) =>
  async (): Promise<Round> => {
    const cost = await costOf(pid, () => client.perSecond({ ...request, seconds, connections }));
    const busy = cost.processorSeconds / cost.seconds;
    return { perSecond: cost.result, busy, micros: (busy / cost.result) * 1e6 };
  };

export const shown = (rounds: readonly Round[]): string =>
  `${Math.round(median(rounds.map(({ perSecond }) => perSecond)))}/s (process ${Math.round(median(rounds.map(({ busy }) => busy)) * 100)} % busy, ${median(rounds.map(({ micros }) => micros)).toFixed(0)} µs each)`;
