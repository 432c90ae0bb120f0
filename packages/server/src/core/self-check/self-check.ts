import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Network } from '@mooring/connectors/spec/network';
import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { RunnerPool } from '../runners/pool.js';
import type { Echo } from './echo.js';
import { checkLoopback } from './loopback.js';
import { checkPublicUrl } from './public-url.js';
import { checkRedirects } from './redirects.js';
import { checkRunners } from './runners.js';

export interface SelfCheck {
  /** Never rejects because of a finding; concurrent calls share one run. */
  run(): Promise<SelfCheckReply>;
  /** At start: logs a warning with a remedy for each problem. Never rejects. */
  warn(log: Logger): Promise<void>;
}

export interface SelfCheckDependencies {
  config: Pick<Config, 'publicUrl' | 'isOfThisMachine' | 'egress' | 'oauth'>;
  publicUrl: () => string;
  manifests: readonly SourceManifest[];
  network: Network;
  echo: Echo;
  runners: Pick<RunnerPool, 'tryOne'> | undefined;
}

export function createSelfCheck(deps: SelfCheckDependencies): SelfCheck {
  const { config, network } = deps;
  let running: Promise<SelfCheckReply> | undefined;

  const look = async () => {
    const publicUrl = deps.publicUrl();
    const { publicUrl: configured, isOfThisMachine, oauth } = config;
    const [url, clients] = await Promise.all([
      checkPublicUrl({ configured, url: publicUrl, isOfThisMachine, network, echo: deps.echo }),
      checkRedirects({ manifests: deps.manifests, clients: oauth.clients, publicUrl, network }),
    ]);
    return { publicUrl: url, loopback: checkLoopback(config), clients };
  };

  const check = async (): Promise<SelfCheckReply> => {
    const [found, runners] = await Promise.all([look(), checkRunners(deps.runners)]);
    return { checkedAt: new Date().toISOString(), ...found, runners };
  };
  const run = () => {
    running ??= check().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    run,
    async warn(log) {
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
