import { lookup as systemLookup } from 'node:dns/promises';
import type { SocketTarget } from '@mooring/connectors/interface/network';
import { codeOf, nameNotResolved, type Refuse } from './failure.js';
import { type ParsedHost, parseHost } from './host.js';
import type { EgressPolicy } from './policy.js';

/** All addresses of a name, in the order to try them. Called once per connection. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

type AcceptedHost = Exclude<ParsedHost, { kind: 'refused' }>;

/** Node's resolver: the system's (hosts file, then DNS), in the order of RFC 6724. */
export const lookupInSystem: Lookup = async (hostname) => {
  const answers = await systemLookup(hostname, { all: true, verbatim: true });
  return answers.map((answer) => answer.address);
};

export type Resolver = ReturnType<typeof createResolver>;

export function createResolver(policy: EgressPolicy, lookup: Lookup, refuse: Refuse) {
  async function candidatesOf(host: AcceptedHost, port: number): Promise<readonly string[]> {
    switch (host.kind) {
      case 'address':
        return [host.address];
      case 'loopback': {
        // Both addresses are ours, not an external answer, so it is enough that one of them is open: `127.0.0.1:9201`
        // opens `localhost`.
        const addresses = ['127.0.0.1', '::1'];
        const open = addresses.filter((address) => policy.isAllowed(address, port));
        return open.length > 0 ? open : addresses;
      }
      case 'name':
        return answersFor(host.name, lookup);
    }
  }

  return {
    /**
     * The addresses that a connection to the target may use, at least one, every one allowed.
     * @throws ConnectorError `egress_refused` when any answer is denied (S05), `unreachable` without an answer.
     */
    async resolve(
      target: SocketTarget,
      onStage: (stage: 'name' | 'route') => void,
    ): Promise<readonly string[]> {
      const host = parseHost(target.host);
      if (host.kind === 'refused') {
        // Counts as a resolved name; otherwise the stage would reveal the reason of a refusal.
        onStage('name');
        throw refuse(host.reason, target.port);
      }
      const candidates = await candidatesOf(host, target.port);
      onStage('name');
      for (const address of candidates) {
        const reason = policy.refusalOf(address, target.port);
        if (reason !== undefined) throw refuse(reason, target.port);
      }
      onStage('route');
      return candidates;
    },
  };
}

async function answersFor(name: string, lookup: Lookup): Promise<readonly string[]> {
  let answers: readonly string[];
  try {
    answers = await lookup(name);
  } catch (error) {
    throw nameNotResolved(codeOf(error), error);
  }
  if (answers.length === 0) throw nameNotResolved(undefined);
  return answers;
}
