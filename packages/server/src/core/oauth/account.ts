// The account of a grant without an ID token. Useful, but never worth a grant: if anything fails here, the account is
// unknown, and the sign-in continues.
import type { Secret } from '@mooring/connectors/interface/secret';
import type { AccountPlace, OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { askProvider } from './provider-fetch.js';
import { requestHeaders } from './request-headers.js';
import type { ProviderCall, TokenSet } from './types.js';

export type Account = Required<Pick<TokenSet, 'subject'>> & Pick<TokenSet, 'email'>;

/** Short: the code is used up, and its tokens are still only in memory. */
const accountTimeoutMs = 3_000;
const textMax = 255;

/** The account in a token response, for providers that name it there. */
export function accountInAnswer(
  { account }: Pick<OAuthPreset, 'account'>,
  body: Readonly<Record<string, unknown>>,
): Account | undefined {
  return account === undefined || account.endpoint !== undefined ? undefined : readAccount(account, body);
}

/**
 * Asks the provider, with the fresh access token and through the gate, if its preset says so. Never throws.
 * @returns undefined if it is not known
 */
export async function askAccount(
  call: Pick<ProviderCall, 'preset' | 'network' | 'signal'>,
  accessToken: Secret<string>,
): Promise<Account | undefined> {
  const { account } = call.preset;
  if (account?.endpoint === undefined || !isSafe(account.endpoint)) return undefined;
  try {
    const { status, body } = await askProvider(
      { ...call, tokenTimeoutMs: accountTimeoutMs },
      account.endpoint,
      {
        method: 'GET',
        headers: {
          ...requestHeaders,
          accept: 'application/json',
          authorization: `Bearer ${accessToken.reveal()}`,
        },
        body: undefined,
      },
    );
    return status === 200 && body !== undefined ? readAccount(account, body) : undefined;
  } catch {
    return undefined;
  }
}

function isSafe(endpoint: string): boolean {
  return URL.canParse(endpoint) && (new URL(endpoint).protocol === 'https:' || isPlainLoopback(endpoint));
}

function readAccount(place: AccountPlace, body: Readonly<Record<string, unknown>>): Account | undefined {
  const subject = textAt(body, place.subject);
  const email = place.email === undefined ? undefined : textAt(body, place.email);
  if (subject === undefined) return undefined;
  return { subject, ...(email === undefined ? {} : { email }) };
}

/** Short text at a JSON pointer. */
export const textAt = (body: Readonly<Record<string, unknown>>, pointer: string): string | undefined =>
  readText(valueAt(body, pointer));

/** Text or a number: some providers number their accounts. */
function readText(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= textMax && !/\p{Cc}/u.test(text)
    ? text
    : undefined;
}

/** JSON pointer (RFC 6901) without escapes: the pointers are ours. */
function valueAt(body: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined,
      body,
    );
}
