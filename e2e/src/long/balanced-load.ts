import { setTimeout as pause } from 'node:timers/promises';
import { seededInt } from '@mooring/lab/seeded';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import type { MooringProcess } from '../mooring-process.js';

// Nodes behind a balancer, and fifty requests a second through it.

const randomInt = seededInt();
/** Fifty a second. */
const betweenRequestsMs = 20;
const seeded = 60;
/** A rotation takes longer than a node sometimes lives here. */
const attemptsMax = 50;
/**
 * Requests in flight. A machine that cannot do fifty a second is not buried under requests, which would only measure
 * its queue; the rate that was reached is printed.
 */
const openMax = 40;
const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
export const connections = '/api/v1/data-connections';
/** The credential was opened, and the use was stopped at the gate. */
export const opened = ({ body }: Answer): boolean => body.errors?.[0]?.code === 'EGRESS-REFUSED';

/** Nodes behind a balancer. */
export class Balanced {
  readonly nodes: (MooringProcess | undefined)[];
  #turn = 0;
  /** Requests whose node died and another one answered. */
  resent = 0;

  constructor(nodes: readonly MooringProcess[]) {
    this.nodes = [...nodes];
  }

  next(): ApiClient {
    this.#turn += 1;
    const up = this.nodes.filter((node) => node !== undefined);
    const node = up[this.#turn % up.length] as MooringProcess;
    return apiClient(node.url, node.adminKey);
  }

  /** @param work sends one request; `isResent` once another node may have done it already */
  async send(work: (api: ApiClient, isResent: boolean) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(this.next(), attempt > 1);
      } catch (error) {
        // What `fetch` throws when the connection was refused or broke.
        if (!(error instanceof TypeError) || attempt === attemptsMax) throw error;
        this.resent += 1;
        await pause(10);
      }
    }
  }
}

export interface Load {
  made: string[];
  wrong: string[];
  answered: number;
  /** Latency of each request, ms. */
  tookMs: number[];
  tookSeconds: number;
}

let names = 0;
const nextName = () => {
  names += 1;
  return names;
};

async function create(balanced: Balanced, load: Load, qName: string): Promise<void> {
  const body = { datasourceID: 'postgres', qName, connectionProperties };
  let wasResent = false;
  const answer = await balanced.send((api, isResent) => {
    wasResent = isResent;
    return api.post(connections, body);
  });
  if (answer.status === 201) load.made.push(answer.body.qID);
  // The killed node had made it: the name is taken by our own request.
  else if (!(wasResent && answer.status === 409)) load.wrong.push(`create: ${answer.status} ${answer.text}`);
}

async function use(balanced: Balanced, load: Load, action: string): Promise<void> {
  const id = load.made[randomInt(0, load.made.length)] ?? '';
  const body = action === 'read' ? { query: 'select 1' } : {};
  const answer = await balanced.send((api) => api.post(`${connections}/${id}/actions/${action}`, body));
  const isRight = opened(answer) || (action === 'test' && answer.status === 200);
  if (!isRight) load.wrong.push(`${action}: ${answer.status} ${answer.text}`);
}

/** Sends a request each 20 ms, none waiting for another, `until` that settles. */
export async function sendFor(balanced: Balanced, load: Load, until: Promise<unknown>): Promise<void> {
  const requests: Promise<void>[] = [];
  let open = 0;
  let isOver = false;
  const ended = until.finally(() => {
    isOver = true;
  });
  const begun = performance.now();
  for (let number = 0; !isOver; number += 1) {
    const kind = number % 10 === 0 ? 'create' : number % 2 === 0 ? 'test' : 'read';
    while (open >= openMax && !isOver) await pause(5);
    const at = performance.now();
    open += 1;
    const request = kind === 'create' ? create(balanced, load, `n${nextName()}`) : use(balanced, load, kind);
    requests.push(
      request
        .catch((error: unknown) => {
          load.wrong.push(`${kind}: ${error}`);
        })
        .finally(() => {
          open -= 1;
          load.answered += 1;
          load.tookMs.push(performance.now() - at);
        }),
    );
    await pause(Math.max(0, begun + (number + 1) * betweenRequestsMs - performance.now()));
  }
  await Promise.all(requests);
  load.tookSeconds += (performance.now() - begun) / 1_000;
  await ended;
}

/** The measurements of the load, as text. */
export const measured = ({ answered, wrong, tookMs, tookSeconds }: Load): string => {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  const rate = tookSeconds > 0 ? ` (${(answered / tookSeconds).toFixed(1)} a second)` : '';
  return `${answered} requests${rate}, ${wrong.length} failed, ${at(0.5)} ms median, ${at(0.99)} ms p99, ${at(1)} ms most`;
};

/** Makes the first connections. */
export async function freshLoad(balanced: Balanced): Promise<Load> {
  const load: Load = { made: [], wrong: [], answered: 0, tookMs: [], tookSeconds: 0 };
  for (let number = 1; number <= seeded; number += 1) await create(balanced, load, `seed ${number}`);
  return load;
}
