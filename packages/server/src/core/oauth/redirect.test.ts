import { describe, expect, it } from 'vitest';
import { readParameters, readRedirect } from './redirect.js';

const issuer = 'https://provider.example';
const expectedState = 'b6Wk1Xq-state';

const read = (query: string, input: Partial<Parameters<typeof readRedirect>[0]> = {}) =>
  readRedirect({ parameters: new URLSearchParams(query), expectedState, ...input });

describe('a redirect from a provider', () => {
  it('gives its code when state and issuer are right', () => {
    expect(read(`code=c-1&state=${expectedState}`)).toEqual({ ok: true, code: 'c-1' });
    const query = `code=c-1&state=${expectedState}&iss=${encodeURIComponent(issuer)}&scope=a`;
    expect(read(query, { issuer, issuerPromised: true })).toEqual({ ok: true, code: 'c-1' });
  });

  it('O01: is refused without state', () => {
    expect(read('code=c-1')).toEqual({ ok: false, error: 'state' });
    expect(read('code=c-1&state=')).toEqual({ ok: false, error: 'state' });
    // The caller found the sign-in by its digest.
    const found = { parameters: new URLSearchParams('code=c-1&state=any') };
    expect(readRedirect(found)).toEqual({ ok: true, code: 'c-1' });
    const { expectedState: _, ...nothingExpected } = { expectedState };
    expect(readRedirect({ parameters: new URLSearchParams('code=c-1'), ...nothingExpected })).toEqual({
      ok: false,
      error: 'state',
    });
  });

  it.each([
    ['unknown', 'another'],
    ['cut', expectedState.slice(0, -1)],
    ['longer', `${expectedState}x`],
    ['in other case', expectedState.toUpperCase()],
    ['padded', `%20${expectedState}`],
  ])('O02, O08: is refused with a state that is %s', (_, state) => {
    expect(read(`code=c-1&state=${state}`)).toEqual({ ok: false, error: 'state' });
  });

  it('O02: is refused with an array of states', () => {
    expect(read(`code=c-1&state[]=${expectedState}`)).toEqual({ ok: false, error: 'state' });
    expect(read(`code=c-1&state=${expectedState}`, { expectedState: '' })).toEqual({
      ok: false,
      error: 'state',
    });
  });

  it.each(['code', 'state', 'iss', 'error', 'scope', '__proto__'])('O15: is refused with two %s', (name) => {
    const query = `code=c-1&state=${expectedState}&${name}=1&${name}=1`;
    expect(read(query)).toEqual({ ok: false, error: 'duplicate' });
    expect(readParameters(new URLSearchParams(query))).toBeUndefined();
  });

  it('O09: is refused when iss is wrong, or absent though promised', () => {
    const good = `code=c-1&state=${expectedState}`;
    expect(read(`${good}&iss=https%3A%2F%2Fevil.example`, { issuer })).toEqual({
      ok: false,
      error: 'issuer',
    });
    expect(read(`${good}&iss=${encodeURIComponent(`${issuer}/`)}`, { issuer })).toEqual({
      ok: false,
      error: 'issuer',
    });
    expect(read(good, { issuer, issuerPromised: true })).toEqual({ ok: false, error: 'issuer' });
    expect(read(`${good}&iss=`, { issuer, issuerPromised: true })).toEqual({ ok: false, error: 'issuer' });
    expect(read(good, { issuer })).toEqual({ ok: true, code: 'c-1' });
    // The expected issuer is unknown.
    expect(read(good, { issuerPromised: true })).toEqual({ ok: true, code: 'c-1' });
    expect(read(`${good}&iss=any`)).toEqual({ ok: true, code: 'c-1' });
  });

  it('O14: carries an error code only when it is a plain name, and never its description', () => {
    const refused = `state=${expectedState}&error_description=${'<script>'.repeat(1250)}%0d%0aX: 1`;
    expect(read(`error=access_denied&${refused}`)).toEqual({
      ok: false,
      error: 'provider',
      providerError: 'access_denied',
    });
    const longest = 'x'.repeat(64);
    expect(read(`error=${longest}&${refused}`)).toMatchObject({ providerError: longest });
    for (const error of ['<script>', 'a%0d%0ab', 'x y', 'x'.repeat(65), 'x'.repeat(10_000)]) {
      expect(read(`error=${error}&${refused}`)).toEqual({ ok: false, error: 'provider' });
    }
    expect(read(`error=access_denied&code=c-1&${refused}`)).toMatchObject({ error: 'provider' });
  });

  it('believes an error only with the right state and issuer', () => {
    expect(read('error=access_denied')).toEqual({ ok: false, error: 'state' });
    const foreign = `error=access_denied&state=${expectedState}&iss=https%3A%2F%2Fevil.example`;
    expect(read(foreign, { issuer })).toEqual({ ok: false, error: 'issuer' });
  });

  it('is refused without a code of sane length', () => {
    expect(read(`state=${expectedState}`)).toEqual({ ok: false, error: 'missing' });
    expect(read(`state=${expectedState}&code=`)).toEqual({ ok: false, error: 'missing' });
    const longest = 'c'.repeat(4096);
    expect(read(`state=${expectedState}&code=${longest}`)).toEqual({ ok: true, code: longest });
    expect(read(`state=${expectedState}&code=${longest}c`)).toEqual({ ok: false, error: 'missing' });
  });
});
