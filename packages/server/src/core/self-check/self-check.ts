import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Network } from '@mooring/connectors/interface/network';
import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { RunnerPool } from '../runners/pool.js';
import type { Echo } from './echo.js';
import { checkLoopback } from './loopback.js';
import { checkPublicUrl } from './public-url.js';
import { checkRedirects } from './redirects.js';

export interface SelfCheckDependencies {
  config: Pick<Config, 'publicUrl' | 'isOfThisMachine' | 'egress' | 'oauth'>;
  publicUrl: () => string;
  manifests: readonly SourceManifest[];
  network: Network;
  /** The store's clock, in milliseconds since the epoch. */
  now: () => number;
  echo: Echo;
  runners: Pick<RunnerPool, 'tryOne'> | undefined;
}

/** Whether runners can be started. Never rejects. */
async function checkRunners({ runners }: SelfCheckDependencies): Promise<SelfCheckReply['runners']> {
  if (!runners) {
    return {
      state: 'off',
      detail: 'Connectors run in the server process, which a hostile source can end or hang.',
      remedy: 'Start the server without --runners 0 and runners: 0.',
    };
  }
  try {
    const ms = Math.round(await runners.tryOne());
    return { state: 'started', detail: `A runner was ready after ${ms} ms.` };
  } catch (error) {
    return {
      state: 'refused',
      detail: `No runner could be started: ${(error as Error).message}`,
      remedy: 'Permit the server to start processes of its own program, and give them memory.',
    };
  }
}

export type SelfCheck = ReturnType<typeof createSelfCheck>;

export function createSelfCheck(deps: SelfCheckDependencies) {
  const { config, network, now } = deps;
  let running: Promise<SelfCheckReply> | undefined;

  const look = async () => {
    const publicUrl = deps.publicUrl();
    const { publicUrl: configured, isOfThisMachine, oauth } = config;
    const [url, clients] = await Promise.all([
      checkPublicUrl({ configured, url: publicUrl, isOfThisMachine, network, echo: deps.echo }),
      checkRedirects({ manifests: deps.manifests, clients: oauth.clients, publicUrl, network, now }),
    ]);
    return { publicUrl: url, loopback: checkLoopback(config), clients };
  };

  const check = async (): Promise<SelfCheckReply> => {
    const [found, runners] = await Promise.all([look(), checkRunners(deps)]);
    return { checkedAt: new Date(now()).toISOString(), ...found, runners };
  };
  /** Never rejects because of a finding; concurrent calls share one run. */
  const run = () => {
    running ??= check().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    run,
    /** At start: logs a warning with a remedy for each problem. Never rejects. */
    async warn(log: Logger): Promise<void> {
      try {
        // Without runners: none is started before a use needs one.
        const { publicUrl, loopback, clients } = await look();
        if (publicUrl.remedy !== undefined) log.warn(publicUrl, publicUrl.detail);
        if (loopback.remedy !== undefined) log.warn(loopback, loopback.detail);
        for (const client of clients) if (client.remedy !== undefined) log.warn(client, client.detail);
      } catch (error) {
        log.warn({ err: error }, 'self-check failed');
      }
    },
  };
}
