import type { OAuthError } from '../../oauth/oauth-error.js';
import type { ClientConfiguration } from './client-configuration.js';

// Pauses after a failure of a provider, and when one may end early. A Retry-After of the provider is respected. Our back-off
// should not outlast the outage: every few seconds one of the waiting exchanges goes ahead as a probe, and once it is
// answered, the others need not wait any longer.

const pause = { firstMs: 1_000, mostMs: 300_000, clientMs: 60_000 };

/**
 * How long to pause after a failure: exponential back-off with 25 % jitter, so that many grants do not come back at once.
 * After a refused client a minute: an operator who corrects it should see the effect soon.
 * @returns `isBackOff`: the pause is ours, not one that the provider asked for
 */
export function pauseOf(error: OAuthError, failures: number): { pauseMs: number; isBackOff: boolean } {
  if (error.retryAfterSeconds !== undefined) {
    return { pauseMs: error.retryAfterSeconds * 1000, isBackOff: false };
  }
  const spread = 0.75 + Math.random() / 4;
  if (error.kind === 'client_refused') return { pauseMs: pause.clientMs * spread, isBackOff: false };
  const pauseMs = Math.min(pause.firstMs * 2 ** Math.min(failures, 20), pause.mostMs) * spread;
  return { pauseMs, isBackOff: true };
}

/** From the begin of a back-off to the first probe, and between probes. */
export const probeMs = 5_000;
const endpointsMax = 1_000;
const never = Number.NEGATIVE_INFINITY;

export type ProviderHealth = ReturnType<typeof createProviderHealth>;

/** In memory of this process. @param now milliseconds since the epoch, by the store's clock */
export function createProviderHealth(now: () => number) {
  const known = new Map<string, { answeredAt: number; probedAt: number }>();

  const entry = ({ preset }: ClientConfiguration) => {
    const key = preset.tokenEndpoint || (preset.issuer ?? '');
    const found = known.get(key) ?? { answeredAt: never, probedAt: never };
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > endpointsMax && oldest !== undefined) known.delete(oldest);
    return found;
  };

  return {
    /** True if an exchange may go ahead despite a back-off that began at `backedOffAt`, as a probe or after an answer. */
    mayTry(setup: ClientConfiguration, backedOffAt: number): boolean {
      const provider = entry(setup);
      if (provider.answeredAt > backedOffAt) return true;
      if (now() - Math.max(backedOffAt, provider.probedAt) < probeMs) return false;
      provider.probedAt = now();
      return true;
    },
    /** The provider answered, whatever it said. */
    answered(setup: ClientConfiguration): void {
      entry(setup).answeredAt = now();
    },
  };
}
