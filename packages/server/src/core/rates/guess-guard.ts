import ipaddr from 'ipaddr.js';
import { tooManyRequests } from './too-many-requests.js';

// Rate limit of wrong keys and secrets, per address. Valid ones still pass, so that neither a neighbour behind the
// same address nor an attacker can lock a user out.

const failuresMax = 100;
const windowMs = 60_000;
const addressesMax = 10_000;

/** IPv6 is counted per /64, because one customer controls the whole prefix. */
function counted(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv6' ? parsed.toByteArray().slice(0, 8).join('.') : parsed.toString();
}

export type GuessGuard = ReturnType<typeof createGuessGuard>;

export function createGuessGuard(now: () => number) {
  const known = new Map<string, { failures: number; endsAt: number }>();
  return {
    /**
     * Counts a wrong key or secret.
     * @throws AppError HTTP-429 when there were too many from this address
     */
    failed(address: string): void {
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
