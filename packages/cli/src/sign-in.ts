import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { type ApiClient, ApiError, UnreachableError } from '@mooring/contract/client';
import {
  getConnectionCredential,
  putConnectionCredential,
} from '@mooring/contract/routes/connection-credential';
import { getConnection } from '@mooring/contract/routes/data-connections';
import { getSignIn } from '@mooring/contract/routes/sign-ins';
import type { Print } from './command.js';
import { listenForRedirect } from './loopback.js';

export interface SignInFlags {
  /** Id or name. */
  connection: string;
  /** Id of the space in which to look up the name; absent: the user's own connections. */
  space?: string;
  device?: boolean;
  loopback?: boolean;
}

export interface Terminal {
  input: Readable;
  output: Writable;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const pollMs = 2_000;

/**
 * Provides the caller's credential for a separated connection by an interactive sign-in.
 * @throws ApiError, or Error if the sign-in fails
 */
export async function signIn(api: ApiClient, flags: SignInFlags, terminal: Terminal): Promise<void> {
  const qID = await connectionId(api, flags);
  const say: Print = (line) => terminal.output.write(`${line}\n`);
  const work = { api, qID, say };
  if (flags.loopback) return onThisMachine(work);
  const begun = await begin(work, flags.device ? { device: true } : {});
  say(`Open this URL and sign in:\n\n  ${begun.authUrl}\n`);
  if (begun.userCode !== undefined) {
    say(`Compare this code with the page, or enter it there: ${begun.userCode}`);
    await arrival(api, begun.signInId);
    return complete(work, begun.signInId, begun);
  }
  const prompt = createInterface({ input: terminal.input, output: terminal.output });
  try {
    await complete(work, await prompt.question('Code from the page: '), begun);
  } finally {
    prompt.close();
  }
}

async function connectionId(api: ApiClient, { connection, space }: SignInFlags): Promise<string> {
  if (uuid.test(connection)) return connection;
  const query = { type: 'connectionname' as const, ...(space === undefined ? {} : { spaceId: space }) };
  const found = await api.call(getConnection, { params: { qID: connection }, query });
  return found.qID;
}

/** One sign-in for a connection. */
interface Work {
  api: ApiClient;
  qID: string;
  say: Print;
}

type Begun = Awaited<ReturnType<typeof begin>>;

async function begin({ api, qID }: Work, how: { device?: boolean; redirectUri?: string }) {
  const begun = await api.call(putConnectionCredential, {
    params: { qID },
    body: { authUrlOnly: true, ...how },
  });
  if (!('authUrl' in begun)) throw new Error('The server did not start a sign-in.');
  return begun;
}

async function onThisMachine(work: Work): Promise<void> {
  const redirect = await listenForRedirect();
  try {
    const { redirectUri } = redirect;
    const begun = await begin(work, { redirectUri });
    work.say(`Open this URL in a browser on this machine and sign in:\n\n  ${begun.authUrl}\n`);
    const state = begun.state ?? new URL(begun.authUrl).searchParams.get('state') ?? '';
    const query = await Promise.race([redirect.query(state), expiry(begun.expiresAt)]);
    const error = new URLSearchParams(query).get('error');
    if (error !== null) throw new Error(`The sign-in was not completed (${printable(error)}).`);
    await complete(work, query, begun);
  } finally {
    redirect.close();
  }
}

async function complete(work: Work, authCode: string, begun: Begun): Promise<void> {
  const state = await redeemed(work, authCode, begun);
  work.say(`Signed in. State of your credential: ${'state' in state ? state.state : 'ready'}.`);
  if ('signInEndsAt' in state && state.signInEndsAt !== undefined)
    work.say(`The provider issued no refresh token: the sign-in ends at ${state.signInEndsAt}.`);
}

/** The error may be transient: the same request can be retried. */
function isTransient(error: unknown): error is Error {
  if (!(error instanceof ApiError)) return error instanceof UnreachableError;
  return (
    [429, 502, 503, 504].includes(error.status) ||
    error.is('PROVIDER-FAILED') ||
    error.is('SIGN-IN-IN-PROGRESS')
  );
}

/**
 * Redeems the code, and retries until the sign-in expires: the code was not shown to the user, who could not send it
 * again.
 * @returns the state of the credential
 * @throws ApiError, UnreachableError
 */
async function redeemed({ api, qID, say }: Work, authCode: string, { signInId, expiresAt }: Begun) {
  const body = { connectionProperties: { authCode } };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.call(putConnectionCredential, { params: { qID }, body });
    } catch (error) {
      if (!isTransient(error)) throw error;
      const state = await api.call(getSignIn, { params: { id: signInId } }).then(
        (found) => found.state,
        () => 'pending' as const,
      );
      if (state === 'completed') return api.call(getConnectionCredential, { params: { qID } });
      if (!['pending', 'arrived', 'redeeming'].includes(state)) throw error;
      const wait = (error instanceof ApiError ? error.retryAfterSeconds : undefined) ?? 2;
      if (Date.now() + wait * 1000 > Date.parse(expiresAt)) throw error;
      if (attempt === 1) say(`${error.message} Retrying.`);
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
  }
}

const printable = (text: string): string => text.replace(/[^\w.-]/g, '?').slice(0, 64);

const expiry = (expiresAt: string) =>
  new Promise<never>((_, reject) => {
    const left = Math.max(0, Date.parse(expiresAt) - Date.now());
    setTimeout(() => reject(new Error('The sign-in has expired. Start again.')), left).unref();
  });

/** Polls until the user has finished at the provider. The server limits how often it polls the provider itself. */
async function arrival(api: ApiClient, id: string): Promise<void> {
  for (;;) {
    const { state, error } = await api.call(getSignIn, { params: { id } });
    if (state === 'arrived') return;
    if (state !== 'pending') throw new Error(`The sign-in is ${state}${error ? ` (${error})` : ''}.`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
