import { findProvider, providers } from '@mooring/connectors/providers/registry';
import { describe, expect, it } from 'vitest';
import { documentedAnswers } from './__fixtures__/documented-answers.js';
import { type Answer, judgeAnswer, readRetryAfter } from './answers.js';

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

  it('is a success only as a 2xx with a JSON object and no error code', () => {
    expect(judgeAnswer({ status: 200, body: {} }, 'code', now)).toBeUndefined();
    expect(
      judgeAnswer({ status: 201, body: { ok: true, error: '', status: 'active' } }, 'code', now),
    ).toBeUndefined();
    expect(judgeAnswer({ status: 200, body: undefined }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 204 }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 200, body: { error: 'whatever' } }, 'code', now)?.kind).toBe('nonsense');
  });

  it.each([['<script>alert(1)</script>'], ['two words'], ['line\r\nbreak'], ['x'.repeat(65)], ['ünïcode']])(
    'shows no error code that is not a plain name: %j',
    (error) => {
      expect(judgeAnswer({ status: 400, body: { error } }, 'code', now)).toEqual({ kind: 'nonsense' });
    },
  );

  it.each<[string, number | undefined]>([
    ['0', 0],
    [' 120 ', 120],
    ['9999999999', 86_400],
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
