import { findProvider, providers } from '@mooring/connectors/providers/registry';
import { describe, expect, it } from 'vitest';
import { documentedAnswers } from './__fixtures__/documented-answers.js';
import { type Answer, judgeAnswer, readRetryAfter } from './answers.js';
import { OAuthError } from './oauth-error.js';

const rulesOf = (provider: string | undefined) =>
  findProvider(provider)?.preset('example.example').answers ?? [];
const now = Date.parse('2026-01-02T03:04:05Z');

describe('the answer of a token endpoint', () => {
  it.each(documentedAnswers)(
    'O24: $status $body.error at $step is $kind $reason ($provider $source)',
    ({ step, kind, reason, provider, ...answer }) => {
      const verdict = judgeAnswer(answer, step, now, rulesOf(provider));
      expect({ kind: verdict?.kind, reason: verdict?.reason }).toEqual({ kind, reason });
    },
  );

  it('O24: every rule of every provider has an answer that only it explains', () => {
    for (const { id } of providers) {
      const rules = rulesOf(id);
      const own = documentedAnswers.filter(({ provider }) => provider === id);
      for (const [index, rule] of rules.entries()) {
        const others = rules.toSpliced(index, 1);
        const isNeeded = own.some(({ step, kind, reason, ...answer }) => {
          const without = judgeAnswer(answer, step, now, others);
          return without?.kind !== kind || without.reason !== reason;
        });
        expect(isNeeded, `${id}: ${JSON.stringify(rule)}`).toBe(true);
      }
    }
  });

  it('O25: no rule of any provider makes a proof of a failure, a redirect or a busy server', () => {
    for (const { id } of providers) {
      for (const { code, detail, words } of rulesOf(id)) {
        const body = { error: code, error_codes: [detail], error_subtype: detail, error_description: words };
        for (const status of [301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 504]) {
          expect(judgeAnswer({ status, body }, 'refresh', now, rulesOf(id))?.kind).not.toBe('grant_dead');
        }
        const busy = { ...body, error_description: `${words ?? ''} try again later` };
        expect(judgeAnswer({ status: 400, body: busy }, 'refresh', now, rulesOf(id))?.kind).not.toBe(
          'grant_dead',
        );
        // A rule speaks of the answer that it names, and of no other.
        expect(
          judgeAnswer({ status: 400, body: { error: 'unheard_of' } }, 'refresh', now, rulesOf(id)),
        ).toEqual({ kind: 'nonsense', providerCode: 'unheard_of' });
      }
    }
  });

  it('O25: costs no grant unless it is proof', () => {
    const proofs = ['invalid_grant', 'bad_refresh_token', 'invalid_refresh_token'];
    const others = documentedAnswers
      .filter(({ kind }) => kind !== 'grant_dead')
      .map(({ body }) => body?.['error'])
      .filter((code) => !proofs.includes(String(code)));
    const unknown = [
      undefined,
      null,
      400,
      true,
      [],
      {},
      '',
      'grant',
      'invalid grant',
      'INVALID',
      'expired_token',
    ];
    const statuses = [
      100, 200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 409, 418, 422, 451, 429, 500, 503, 599,
    ];
    for (const status of statuses) {
      for (const error of [...others, ...unknown]) {
        expect(judgeAnswer({ status, body: { error } }, 'refresh', now)?.kind).not.toBe('grant_dead');
      }
      expect(judgeAnswer({ status, body: undefined }, 'refresh', now)?.kind).not.toBe('grant_dead');
    }
    for (const status of [301, 302, 307, 308, 429, 500, 502, 503, 504]) {
      expect(judgeAnswer({ status, body: { error: 'invalid_grant' } }, 'refresh', now)?.kind).not.toBe(
        'grant_dead',
      );
    }
    for (const code of ['bad_verification_code', 'invalid_code', 'code_already_used']) {
      expect(judgeAnswer({ status: 400, body: { error: code } }, 'refresh', now)?.kind).toBe('nonsense');
    }
  });

  it.each([
    ['invalid_grant', 'code_refused', 'grant_dead', 'client_refused', 'code_refused', 'client_refused'],
    ['bad_verification_code', 'code_refused', 'nonsense', 'nonsense', 'nonsense', 'client_refused'],
    ['bad_refresh_token', 'nonsense', 'grant_dead', 'nonsense', 'nonsense', 'client_refused'],
  ])('O24: %s speaks only of what was sent at that step', (error, ...kinds) => {
    const steps = ['code', 'refresh', 'client', 'device', 'assertion'] as const;
    for (const code of [error, error.toUpperCase()]) {
      const told = steps.map((step) => judgeAnswer({ status: 400, body: { error: code } }, step, now)?.kind);
      expect(told).toEqual(kinds);
    }
  });

  it('O24: a reason belongs to an ended sign-in only, and a rule needs all that it names', () => {
    const rules = [
      { code: 'invalid_grant', detail: '7', words: 'gone', means: 'revoked' },
      { detail: 'basic', means: 'policy' },
    ] as const;
    const judge = (step: 'code' | 'refresh', body: Record<string, unknown>) => {
      const { kind, reason } = judgeAnswer({ status: 400, body }, step, now, rules) ?? {};
      return [kind, reason];
    };
    const gone = { error: 'INVALID_GRANT', error_codes: [6, 7], error_description: 'It is GONE.' };
    expect(judge('refresh', gone)).toEqual(['grant_dead', 'revoked']);
    expect(judge('refresh', { ...gone, error_description: undefined, message: 'gone' })[1]).toBe('revoked');
    expect(judge('code', gone)).toEqual(['code_refused', undefined]);
    for (const other of [{ error: 'unheard_of' }, { error_codes: [6] }, { error_description: 'here' }]) {
      expect(judge('refresh', { ...gone, ...other })[1]).toBeUndefined();
    }
    for (const detail of [{ error_subtype: 'basic' }, { suberror: 'basic' }, { error_codes: 'basic' }]) {
      expect(judge('code', { error: 'unheard_of', ...detail })).toEqual(['consent_required', 'policy']);
    }
  });

  it('finds the code wherever a failure has it, and a redirect or a refused rate has none', () => {
    const judge = (body: Record<string, unknown>, status = 400) =>
      judgeAnswer({ status, body }, 'refresh', now);
    for (const body of [
      { error: { status: 'invalid_grant' } },
      { error: { type: 'invalid_grant' } },
      { error: '', status: 'invalid_grant' },
      { error: null, status: 400, errorCode: 'invalid_grant' },
    ]) {
      expect(judge(body)).toEqual({ kind: 'grant_dead', providerCode: 'invalid_grant' });
      expect(judge({ ...body, ok: false }, 200)).toEqual({
        kind: 'grant_dead',
        providerCode: 'invalid_grant',
      });
      expect(judge(body, 200)).toBeUndefined();
      expect(judge(body, 299)).toBeUndefined();
    }
    const dead = { error: 'invalid_grant' };
    expect([300, 399, 408, 425, 429, 500].map((status) => judge(dead, status)?.kind)).toEqual([
      ...['nonsense', 'nonsense', 'unavailable', 'unavailable', 'rate_limited', 'unavailable'],
    ]);
    expect(judge({}, 400)).toEqual({ kind: 'nonsense' });
  });

  it('is a success only as a 2xx with a JSON object and no error code', () => {
    expect(judgeAnswer({ status: 200, body: {} }, 'code', now)).toBeUndefined();
    expect(
      judgeAnswer({ status: 201, body: { ok: true, error: '', status: 'active' } }, 'code', now),
    ).toBeUndefined();
    expect(judgeAnswer({ status: 200, body: undefined }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 204 }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 200, body: { error: 'whatever' } }, 'code', now)?.kind).toBe('nonsense');
  });

  it.each([
    ['<script>alert(1)</script>'],
    ['two words'],
    ['line\r\nbreak'],
    ['x'.repeat(65)],
    ['-'.repeat(65)],
    ['ünïcode'],
  ])('shows no error code that is not a plain name: %j', (error) => {
    expect(judgeAnswer({ status: 400, body: { error } }, 'code', now)).toEqual({ kind: 'nonsense' });
  });

  it.each<[string, number | undefined]>([
    ['0', 0],
    [' 120 ', 120],
    ['9999999999', 86_400],
    ['99999999999', undefined],
    ['x120', undefined],
    ['120x', undefined],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60],
    ['Friday, 02-Jan-26 03:05:05 GMT', 60],
    ['Fri Jan  2 03:05:05 2026', 60],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['Fri, 02 Jan 2099 03:00:00 GMT', 86_400],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['2026', 2026],
    ['2026-01-02T03:05:05Z', undefined],
    ['Fri, 99 Foo 2026 03:05:05 GMT', undefined],
  ])('O25: reads Retry-After %j as %j seconds', (header, seconds) => {
    expect(readRetryAfter(header, now)).toBe(seconds);
    const answer: Answer = { status: 503, retryAfter: header };
    expect(judgeAnswer(answer, 'refresh', now)).toEqual(
      seconds === undefined ? { kind: 'unavailable' } : { kind: 'unavailable', retryAfterSeconds: seconds },
    );
  });
});

describe('the error of an identity provider', () => {
  const kinds = [
    ...(['grant_dead', 'code_refused', 'client_refused', 'consent_required'] as const),
    ...(['rate_limited', 'unavailable', 'nonsense', 'egress_refused'] as const),
  ];
  const reasons = ['revoked', 'expired', 'rotated_away', 'policy'] as const;

  it('has a sentence for each kind and each reason, and tells the detail and the code', () => {
    const sentences = kinds.map((kind) => new OAuthError(kind).message);
    expect(new Set(sentences).size).toBe(kinds.length);
    const [dead = ''] = sentences;
    const whole = reasons.map(
      (reason) =>
        new OAuthError('grant_dead', { reason, detail: 'Own words.', providerCode: 'invalid_grant' }),
    );
    for (const { message } of whole) {
      expect(message.startsWith(`${dead} `)).toBe(true);
      expect(message).toMatch(/\. Own words\. \(invalid_grant\)$/);
      expect(message).not.toContain('undefined');
    }
    expect(new Set(whole.map(({ message }) => message)).size).toBe(reasons.length);
    expect(new OAuthError('unavailable').message).toBe(sentences[5]);
  });

  it('keeps its cause if there is one', () => {
    const cause = new Error('refused');
    expect(new OAuthError('unavailable', { cause }).cause).toBe(cause);
    expect('cause' in new OAuthError('unavailable')).toBe(false);
  });
});
