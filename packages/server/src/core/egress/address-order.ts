const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 1_000;

export type AddressOrder = ReturnType<typeof createAddressOrder>;

/**
 * Remembers for a minute which addresses did not answer. A socket that was returned before it was connected cannot
 * switch to another address, so only the next one avoids the dead member of a cluster.
 * @param now milliseconds of a monotonic clock
 */
export function createAddressOrder(now: () => number = () => performance.now()) {
  const failedAt = new Map<string, number>();

  function hasFailed(address: string, port: number): boolean {
    const time = failedAt.get(keyOf(address, port));
    return time !== undefined && now() - time < REMEMBERED_MS;
  }

  return {
    /** The same addresses, with those that recently did not answer on this port last. */
    order(addresses: readonly string[], port: number): readonly string[] {
      const failed = addresses.filter((address) => hasFailed(address, port));
      return [...addresses.filter((address) => !failed.includes(address)), ...failed];
    },
    report(address: string, port: number, hasAnswered: boolean): void {
      const key = keyOf(address, port);
      failedAt.delete(key);
      if (hasAnswered) return;
      failedAt.set(key, now());
      const oldest = failedAt.keys().next().value;
      if (failedAt.size > REMEMBERED_MAX && oldest !== undefined) failedAt.delete(oldest);
    },
  };
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
