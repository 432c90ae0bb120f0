const pollMs = 500;

/**
 * Under npm: resolves when the parent process is gone. `npx` sends signals to a shell that does not forward them, which
 * would leave the server orphaned. Otherwise never resolves, so that a server can outlive its terminal.
 */
export function endOfNpm(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (environment['npm_lifecycle_event'] === undefined) return new Promise(() => {});
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, pollMs).unref();
  });
}
