import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { Config } from '../config/config.js';

type Finding = SelfCheckReply['loopback'];

/** Whether connections may reach services on this host, and whether only users of this host can reach the server. */
export function checkLoopback({
  egress,
  isOfThisMachine,
}: Pick<Config, 'egress' | 'isOfThisMachine'>): Finding {
  const { loopback } = egress;
  if (loopback === 'deny')
    return { state: 'closed', detail: 'egress.loopback is deny: connections do not reach this host.' };
  if (loopback === 'auto') {
    return isOfThisMachine
      ? {
          state: 'reachable',
          detail: 'Only this machine reaches the server, so connections may lead to this host.',
        }
      : {
          state: 'closed',
          detail:
            'Others reach this server (by its address or its public URL), so egress.loopback auto means deny: connections do not reach this host, except for what egress.allow lists.',
        };
  }
  const detail = 'egress.loopback is allow: connections may lead to every service of this host.';
  return isOfThisMachine
    ? { state: 'reachable', detail }
    : {
        ...{ state: 'reachable', detail },
        remedy:
          'Others reach this server, and through it every local service of this host. Set egress.loopback to deny and list what they need in egress.allow, by port.',
      };
}
