import { AsyncLocalStorage } from 'node:async_hooks';

// Drivers throw outside of any call: in a timer, in an `error` event without a listener, in an unhandled promise.
// Node then ends the process, with the uses of everyone in it. Everything that a session starts carries its session, so
// that such an error ends the session to which it belongs.

/** A session as the scope knows it. */
export interface Scoped {
  /** An error that its driver has thrown outside of any call. Also called after the session has ended. */
  stray(error: unknown): void;
}

const scope = new AsyncLocalStorage<Scoped | undefined>();

/** Runs the work of a session: everything that it starts belongs to that session. */
export const inSession = <Result>(session: Scoped, work: () => Result): Result => scope.run(session, work);

/** Runs what a session calls but does not own, such as the wire to the server. */
export const outsideSessions = <Result>(work: () => Result): Result => scope.run(undefined, work);

/**
 * For the process's handlers of `uncaughtException` and `unhandledRejection`, and only there: gives the error to its
 * session.
 * @returns false if the error belongs to no session
 */
export function strayed(error: unknown): boolean {
  const session = scope.getStore();
  if (session === undefined) return false;
  session.stray(error);
  return true;
}
