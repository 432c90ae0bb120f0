import type { Retries } from '../../interface/retries.js';
import { abortError, after } from '../../kit/deadline.js';
import type { ParsingCaps } from '../../kit/json/caps.js';
import { type Answer, type Exchange, type ExchangeRequest, exchangeJson } from '../http/exchange.js';
import { HttpFailure } from '../http/failures.js';
import { withParameter } from '../http/query.js';
import type { PageRequest } from './pagers.js';
import type { Paging } from './paging.js';

/** What users can do where they have configured the pages themselves. */
export interface PageRemedies {
  samePage?: string;
  missingPage?: string;
}

/** A list as one call requests it. */
export interface Listing {
  /** Of the first request, before paging. */
  url: URL;
  exchange: Exchange;
  request: Omit<ExchangeRequest, 'caps'>;
  caps: ParsingCaps;
  /** Sent in the query of every request. */
  keyParameter: [string, string] | undefined;
  paging: Paging;
  /** Path of the rows; undefined: found in the response. */
  rowsAt: string | undefined;
  /** Its columns and the place of its rows are known: nothing is searched for. */
  isDeclared: boolean;
  remedies: PageRemedies;
  patience: Patience | undefined;
}

/** Waiting for the end of a rate limit, instead of failing at once. */
export interface Patience {
  retries: Retries;
  /** For all waits of one call together. */
  secondsLeft: number;
}

export const signedUrl = ({ keyParameter: parameter }: Pick<Listing, 'keyParameter'>, url: URL): URL =>
  parameter ? withParameter(url, ...parameter) : url;

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(abortError(signal));
    };
    const timer = after(seconds * 1000, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Whether the same request may be sent again, after the wait that the source wants. */
async function mayRepeat(error: unknown, patience: Patience, origin: string): Promise<boolean> {
  if (!(error instanceof HttpFailure) || error.retryAfterSeconds === undefined) return false;
  if (error.retryAfterSeconds > patience.secondsLeft) return false;
  return patience.retries.take(origin);
}

/**
 * One page of a list. A rate limit that ends soon is waited for, as often as the source's retry budget allows.
 * @throws HttpFailure for a failed response, ConnectorError for everything else
 */
export async function ask(listing: Listing, { url, headers: ofPage }: PageRequest): Promise<Answer> {
  const { request, caps, exchange, patience } = listing;
  const { headers } = exchange;
  const sent = {
    ...exchange,
    headers: async (renew: boolean) => ({ ...ofPage, ...(await headers(renew)) }),
  };
  for (;;) {
    try {
      const answer = await exchangeJson(sent, signedUrl(listing, url), { ...request, caps });
      patience?.retries.earn(url.host);
      return answer;
    } catch (error) {
      if (!patience || !(await mayRepeat(error, patience, url.host))) throw error;
      const wait = (error as HttpFailure).retryAfterSeconds ?? 0;
      patience.secondsLeft -= wait;
      await pause(wait, exchange.signal);
    }
  }
}
