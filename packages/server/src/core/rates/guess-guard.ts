import ipaddr from 'ipaddr.js';
import { tooManyRequests } from './too-many-requests.js';

// Guessing of keys and secrets: an address whose guesses fail too often is told to wait. Right ones are still let in,
// so that neither a neighbour behind the same address nor an attacker can lock anybody out.

export interface GuessGuard {
  /**
   * Counts a wrong key or secret.
   * @throws AppError HTTP-429 when there were too many from this address
   */
  failed(address: string): void;
}

const failuresMax = 100;
const windowMs = 60_000;
const addressesMax = 10_000;

/** The address as it is counted: of IPv6 the network of one customer, whose every host is at one person's hand. */
function counted(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv6' ? parsed.toByteArray().slice(0, 8).join('.') : parsed.toString();
}

export function createGuessGuard(now: () => number = Date.now): GuessGuard {
  const known = new Map<string, { failures: number; endsAt: number }>();
  return {
    failed(address) {
      const key = counted(address);
      const at = now();
      let entry = known.get(key);
      if (!entry || entry.endsAt <= at) {
        known.delete(key);
        // Oldest first, so that the memory stays bounded whatever addresses appear.
        if (known.size >= addressesMax) known.delete(known.keys().next().value ?? '');
        entry = { failures: 0, endsAt: at + windowMs };
        known.set(key, entry);
      }
      entry.failures += 1;
      if (entry.failures > failuresMax) throw tooManyRequests(entry.endsAt - at);
    },
  };
}
