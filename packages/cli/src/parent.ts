const lookMs = 500;

/**
 * Settles when the process that started this one is gone, where npm did: `npx` hands a signal to a shell that does not
 * hand it on, and the service would be nobody's. Never settles otherwise, so that a service may outlive its terminal.
 */
export function endOfNpm(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (environment['npm_lifecycle_event'] === undefined) return new Promise(() => {});
  const parent = process.ppid;
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(look);
      resolve();
    }, lookMs).unref();
  });
}
