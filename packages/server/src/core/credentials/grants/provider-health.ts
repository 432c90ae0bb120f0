import type { ClientConfiguration } from './client-configuration.js';

// When a pause may end early. A Retry-After of the provider is respected. Our back-off should not outlast the outage:
// every few seconds one of the waiting exchanges goes ahead as a probe, and once it is answered, the others need
// not wait any longer.

export interface ProviderHealth {
  /** True if an exchange may go ahead despite a back-off that began at `backedOffAt`, as a probe or after an answer. */
  mayTry(setup: ClientConfiguration, backedOffAt: number): boolean;
  /** The provider answered, whatever it said. */
  answered(setup: ClientConfiguration): void;
}

/** From the begin of a back-off to the first probe, and between probes. */
export const probeMs = 5_000;
const endpointsMax = 1_000;

/** In memory of this process. @param now milliseconds since the epoch, by the store's clock */
export function createProviderHealth(now: () => number): ProviderHealth {
  const known = new Map<string, { answeredAt: number; probedAt: number }>();

  const entry = ({ preset }: ClientConfiguration) => {
    const key = preset.tokenEndpoint || (preset.issuer ?? '');
    const found = known.get(key) ?? {
      answeredAt: Number.NEGATIVE_INFINITY,
      probedAt: Number.NEGATIVE_INFINITY,
    };
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > endpointsMax && oldest !== undefined) known.delete(oldest);
    return found;
  };

  return {
    mayTry(setup, backedOffAt) {
      const provider = entry(setup);
      if (provider.answeredAt > backedOffAt) return true;
      if (now() - Math.max(backedOffAt, provider.probedAt) < probeMs) return false;
      provider.probedAt = now();
      return true;
    },
    answered(setup) {
      entry(setup).answeredAt = now();
    },
  };
}
