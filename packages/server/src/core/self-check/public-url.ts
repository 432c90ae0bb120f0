import type { Network } from '@mooring/connectors/interface/network';
import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import { newToken } from '../crypto/random.js';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { type Echo, echoHeader } from './echo.js';

const timeoutMs = 5_000;
const bodyBytesMax = 64 * 1024;

type Finding = SelfCheckReply['publicUrl'];

export interface PublicUrlInput {
  /** As configured; absent when it was derived from host and port. */
  configured: string | undefined;
  url: string;
  isOfThisMachine: boolean;
  network: Network;
  echo: Echo;
}

/** Whether a request to the public URL, through any proxy in front of this server, reaches this process. */
export async function checkPublicUrl(input: PublicUrlInput): Promise<Finding> {
  const { configured, url } = input;
  if (configured === undefined) {
    return {
      ...{ url, state: 'derived', detail: 'The public URL was derived from the listening address.' },
      ...(input.isOfThisMachine
        ? {}
        : { remedy: 'Set MOORING_PUBLIC_URL to the URL under which users reach this server.' }),
    };
  }
  const found = await askItself(input);
  if (found.remedy === undefined && new URL(url).protocol === 'http:' && !isPlainLoopback(url)) {
    return {
      ...found,
      remedy:
        'Terminate TLS in front of this server and make the public URL https: codes and keys travel in clear text.',
    };
  }
  return found;
}

async function askItself({ url, network, echo }: PublicUrlInput): Promise<Finding> {
  const nonce = newToken();
  try {
    const response = await network.fetch(`${url}/healthz`, {
      headers: { [echoHeader]: nonce, accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      bodyBytesMax,
    });
    const isAlive = (await response.text()).includes('"ok"') && response.status === 200;
    const answer = response.headers.get(echoHeader);
    if (answer === echo.answer(nonce)) {
      return { url, state: 'reached', detail: 'The public URL leads to this process.' };
    }
    return isAlive && answer !== null
      ? {
          ...{ url, state: 'other-process', detail: 'Another Mooring answers at the public URL.' },
          remedy:
            'This is correct when several nodes share one database behind a load balancer. Otherwise the public URL or the proxy points to the wrong server.',
        }
      : {
          ...{ url, state: 'elsewhere', detail: 'Another server answers at the public URL.' },
          remedy: `Let the proxy pass every path and every header, ${echoHeader} included, and check MOORING_PUBLIC_URL.`,
        };
  } catch {
    return {
      ...{ url, state: 'unreachable', detail: 'This server cannot reach its public URL.' },
      remedy:
        'Check name, proxy and certificate. Where the network does not let a server reach its own public address, or egress.allow does not list it, this says nothing about users.',
    };
  }
}
