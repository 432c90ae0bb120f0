import type { OAuthSetup } from './oauth-setup.js';

// When a pause may end before its time. What a provider asked for is kept to; what we chose ourselves, because it was
// down, should not outlive the trouble: every few seconds one exchange of all those that wait goes ahead as a probe,
// and when it is answered, the others need not wait any longer.

export interface ProviderHealth {
  /** True when an exchange may go ahead in spite of a back-off that began then; true as a probe only now and then. */
  mayTry(setup: OAuthSetup, backedOffAt: number): boolean;
  /** The provider did its work, whatever the answer. */
  answered(setup: OAuthSetup): void;
}

/** A back-off is left alone for so long, and so are probes from one another. */
export const probeMs = 5_000;
const endpointsMax = 1_000;

/** Of this process. @param now milliseconds since the epoch, by the store's clock */
export function createProviderHealth(now: () => number): ProviderHealth {
  const known = new Map<string, { answeredAt: number; probedAt: number }>();

  const entry = ({ preset }: OAuthSetup) => {
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
