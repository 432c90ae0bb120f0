import { ConnectorError } from '@mooring/connectors/interface/errors';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors/app-error.js';
import { OAuthError, type OAuthErrorKind } from '../oauth/oauth-error.js';
import {
  clientTokenFailure,
  codeExchangeFailure,
  refreshFailure,
  rejectBegin,
  rejectPastedToken,
} from './grants/oauth-failures.js';
import { coarseSignInError } from './sign-ins/coarse-sign-in.js';
import { mayAnswerBetter } from './sign-ins/failed-exchange.js';

// What users learn of a failure at an identity provider, and by which class: `grants/oauth-failures.ts`.

describe('failures of a provider, as users see them', () => {
  const setup = (provider?: string, assertion?: object) =>
    ({ preset: { ...(provider ? { provider } : {}), tokenEndpoint: '' }, client: {}, assertion }) as never;
  const [own, operators, robot] = [setup(), setup('slack'), setup(undefined, {})];
  const kinds: readonly OAuthErrorKind[] = [
    ...(['grant_dead', 'code_refused', 'client_refused', 'consent_required'] as const),
    ...(['rate_limited', 'unavailable', 'nonsense'] as const),
  ];
  const caught = (work: () => unknown): AppError => {
    try {
      return work() as AppError;
    } catch (error) {
      return error as AppError;
    }
  };
  const mend = [
    [own, /client and the endpoints of the connection/],
    [operators, /operator.*client of this server for slack/],
    [robot, /service account of the connection/],
  ] as const;

  it('US5: what cannot be repeated is refused, and everything else may be tried again', () => {
    const refused = { begin: ['client_refused'], redeem: kinds.slice(0, 4) } as Record<string, string[]>;
    for (const kind of kinds) {
      const error = new OAuthError(kind, { providerCode: 'the_code', retryAfterSeconds: 7 });
      const told = {
        begin: caught(() => rejectBegin(own)(error)),
        redeem: codeExchangeFailure(error, { setup: own, mayRetry: false }) as AppError,
        pasted: caught(() => rejectPastedToken(error)),
        again: codeExchangeFailure(error, { setup: own, mayRetry: true }) as AppError,
      };
      for (const [step, one] of Object.entries(told)) {
        const isRefused = refused[step === 'pasted' ? 'redeem' : step]?.includes(kind) ?? false;
        expect(one.code, `${step} ${kind}`).toBe(isRefused ? 'PROVIDER-REFUSED' : 'PROVIDER-FAILED');
        expect(one.cause).toBe(error);
        if (!isRefused) expect(one.retryAfterSeconds, `${step} ${kind}`).toBe(7);
      }
      expect(told.again.detail).toContain('same code again');
      expect(told.redeem.detail).toContain('Begin again');
      expect(told.pasted.detail).toContain(refused['redeem']?.includes(kind) ? 'Nothing' : 'used up');
      expect(told.begin.detail?.includes('Try again')).toBe(kind !== 'client_refused');
    }
    const named = new OAuthError('code_refused', { providerCode: 'the_code' });
    expect(codeExchangeFailure(named, { setup: own, mayRetry: false }).message).toContain('(the_code)');
    const nameless = codeExchangeFailure(new OAuthError('code_refused'), { setup: own, mayRetry: false });
    expect(nameless.message).not.toContain('(');
  });

  it('US5: says who can mend what: the connection’s owner, the operator, or who has the service account', () => {
    const client = new OAuthError('client_refused');
    const nonsense = new OAuthError('nonsense');
    for (const [of, words] of mend) {
      for (const error of [client, nonsense]) {
        expect(caught(() => rejectBegin(of)(error)).detail).toMatch(words);
        expect((codeExchangeFailure(error, { setup: of, mayRetry: false }) as AppError).detail).toMatch(
          words,
        );
        expect(refreshFailure(error, { setup: of })).toMatchObject({
          kind: 'unreachable',
          remedy: expect.stringMatching(words),
        });
      }
      const code = codeExchangeFailure(new OAuthError('code_refused'), { setup: of, mayRetry: false });
      expect((code as AppError).detail).not.toMatch(words);
      const down = codeExchangeFailure(new OAuthError('unavailable'), { setup: of, mayRetry: false });
      expect((down as AppError).detail).not.toMatch(words);
      expect(refreshFailure(new OAuthError('unavailable'), { setup: of })).not.toMatchObject({
        remedy: expect.stringMatching(words),
      });
    }
  });

  it('S09: a refusal of the network policy says nothing else, and a foreign error is not taken for the provider’s', () => {
    const refused = new OAuthError('egress_refused');
    const foreign = new Error('of the store');
    for (const told of [
      caught(() => rejectBegin(own)(refused)),
      caught(() => rejectPastedToken(refused)),
      codeExchangeFailure(refused, { setup: own, mayRetry: true }),
      refreshFailure(refused, { setup: own }),
    ]) {
      expect(told).toBeInstanceOf(ConnectorError);
      expect(told).toMatchObject({ kind: 'egress_refused' });
    }
    expect(caught(() => rejectBegin(own)(foreign))).toBe(foreign);
    expect(caught(() => rejectPastedToken(foreign))).toBe(foreign);
    expect(refreshFailure(foreign, { setup: own })).toBe(foreign);
    for (const mayRetry of [true, false])
      expect(codeExchangeFailure(foreign, { setup: own, mayRetry })).toMatchObject({
        code: 'PROVIDER-FAILED',
        cause: foreign,
      });
  });

  it('F4, F5, S2: a refresh that failed can be retried, says when, and whether its outcome is known', () => {
    const told = (error: unknown, more: object = {}) => refreshFailure(error, more) as ConnectorError;
    const down = new OAuthError('unavailable');
    expect(told(down)).toMatchObject({
      kind: 'unreachable',
      isRetryable: true,
      retryAfterSeconds: undefined,
    });
    expect(told(down).message).not.toContain('not known');
    expect(told(down).remedy).not.toContain('undefined');
    // Within a pause nothing was asked.
    expect(told(undefined, { setup: own, waitMs: 2_000 })).toMatchObject({ retryAfterSeconds: 2 });
    expect(told(down, { isUnknown: true }).message).toContain('not known');
    expect(told(new OAuthError('nonsense'), { setup: own, isUnknown: true }).message).toContain('not known');
    expect(told(down, { waitMs: 1_200 })).toMatchObject({
      retryAfterSeconds: 2,
      remedy: expect.stringContaining('2 s'),
    });
    expect(told(undefined, { waitMs: 1_000 })).toMatchObject({ retryAfterSeconds: 1, kind: 'unreachable' });
    const limited = new OAuthError('rate_limited', { retryAfterSeconds: 9 });
    expect(told(limited, { waitMs: 1_000 })).toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 9 });
  });

  it.each([
    ['client_refused', 'invalid_client', own, 'auth_failed', /id or the secret.*clientId and clientSecret/],
    ['client_refused', undefined, own, 'auth_failed', /id or the secret/],
    ['grant_dead', 'invalid_grant', robot, 'auth_failed', /key or the issuer.*valid key/],
    ['client_refused', 'INVALID_SCOPE', own, 'invalid_config', /scope.*OAuth client/],
    ['client_refused', 'invalid_target', robot, 'invalid_config', /audience or resource.*service account/],
    ['client_refused', 'invalid_resource', own, 'invalid_config', /audience or resource/],
    ['client_refused', 'invalid_request', own, 'invalid_config', /scope, audience, resource or address/],
    ['client_refused', 'unauthorized_client', own, 'permission_denied', /OAuth client/],
    ['client_refused', 'unsupported_grant_type', own, 'permission_denied', /OAuth client/],
    ['client_refused', 'invalid_grant_type', own, 'permission_denied', /OAuth client/],
    ['client_refused', 'org_internal', own, 'permission_denied', /OAuth client/],
    ['consent_required', undefined, robot, 'permission_denied', /service account/],
    ['unavailable', undefined, own, 'unreachable', /again in 3 s/],
    ['nonsense', undefined, own, 'unreachable', /endpoints of the connection/],
  ] as const)('US5: a client gets no token of its own: %s %s', (kind, providerCode, of, expected, words) => {
    const error = new OAuthError(kind, providerCode === undefined ? {} : { providerCode });
    const told = clientTokenFailure(error, of, 3_000) as ConnectorError;
    expect(told.kind).toBe(expected);
    expect(`${told.message} ${told.remedy}`).toMatch(words);
    if (providerCode) expect(told.message).toContain(`(${providerCode})`);
    expect(told.cause).toBe(error);
  });

  it('TR12: of a provider that the owner chose, only its decision about the sign-in is shown', async () => {
    const use = () => ({ since: performance.now() - 60_000, seconds: 0.001, left: undefined }) as never;
    const of = (code: 'PROVIDER-FAILED' | 'PROVIDER-REFUSED' | 'CONFLICT', kind?: OAuthErrorKind) =>
      new AppError(code, 'all about it', kind ? { cause: new OAuthError(kind) } : {});
    for (const error of [
      of('PROVIDER-REFUSED', 'code_refused'),
      of('PROVIDER-REFUSED', 'consent_required'),
      of('PROVIDER-REFUSED', 'grant_dead'),
      of('CONFLICT'),
      new Error('of the store'),
      new ConnectorError('timeout', 'x'),
    ])
      expect(await coarseSignInError(error, use())).toBe(error);
    for (const error of [
      of('PROVIDER-FAILED', 'unavailable'),
      of('PROVIDER-REFUSED', 'client_refused'),
      of('PROVIDER-FAILED'),
      new ConnectorError('egress_refused', 'x'),
    ]) {
      const told = (await coarseSignInError(error, use())) as AppError;
      expect(told).toMatchObject({ code: 'PROVIDER-FAILED', cause: error });
      expect(told.detail).not.toContain('all about it');
    }
    for (const kind of kinds) {
      const isLater = kind === 'unavailable' || kind === 'rate_limited';
      expect(mayAnswerBetter(kind), kind).toBe(isLater);
      const isDecision = kind === 'code_refused' || kind === 'consent_required';
      expect(mayAnswerBetter(kind, true), kind).toBe(!isDecision);
    }
  });
});
