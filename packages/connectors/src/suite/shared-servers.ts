interface Server {
  close(): Promise<void>;
}

type Start<One extends Server> = () => Promise<One>;

/** Servers that several harnesses use: one for each function that starts one. */
export interface SharedServers {
  of<One extends Server>(start: Start<One>): Promise<One>;
  close(): Promise<void>;
}

export function shareServers(): SharedServers {
  const started = new Map<unknown, Promise<Server>>();
  return {
    of<One extends Server>(start: Start<One>) {
      const found = started.get(start) ?? start();
      started.set(start, found);
      return found as Promise<One>;
    },
    async close() {
      for (const one of await Promise.allSettled(started.values()))
        if (one.status === 'fulfilled') await one.value.close();
    },
  };
}

/** The server of a harness, its own or a shared one. `release` ends it only if it is its own. */
export async function serverOf<One extends Server>(
  start: Start<One>,
  servers: SharedServers | undefined,
): Promise<{ server: One; release(): Promise<void> }> {
  if (servers) return { server: await servers.of(start), release: async () => {} };
  const server = await start();
  return { server, release: () => server.close() };
}
