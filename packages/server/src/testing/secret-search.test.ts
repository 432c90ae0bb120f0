import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formsOf } from './secret-forms.js';
import { findSecrets } from './secret-search.js';

// Other tests rely on this search, so it must find what it promises.

const secret = 'Canary "quoted" <é&> ~/+ \\ end';
const secrets = new Map([['canary', secret]]);
const found = (bytes: string | Buffer) =>
  findSecrets(secrets, [{ name: 'place', bytes: Buffer.from(bytes) }]);

describe('the scan for secrets', () => {
  it.each([...formsOf(secret)])('finds a secret that is %s', (form, bytes) => {
    const text = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
    expect(found(text)).toContainEqual(`canary (${form}) in place: before[…]after`);
  });

  it('finds encodings of a text that contains the secret at any offset', () => {
    for (let length = 0; length < 6; length += 1) {
      const text = `${'x'.repeat(length)}${secret}${'y'.repeat(5)}`;
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        expect(found(Buffer.from(text).toString(encoding)), encoding).not.toEqual([]);
      expect(found(Buffer.from(text, 'utf16le')), 'UTF-16').not.toEqual([]);
      expect(found(JSON.stringify({ text })), 'JSON').not.toEqual([]);
      expect(found(JSON.stringify(JSON.stringify({ text }))), 'JSON in JSON').not.toEqual([]);
      expect(found(new URLSearchParams({ text }).toString()), 'form').not.toEqual([]);
      expect(found(encodeURIComponent(text)), 'URL').not.toEqual([]);
    }
  });

  it('finds nothing in other texts, and refuses secrets that are too short', () => {
    expect(found(randomBytes(100_000))).toEqual([]);
    expect(found(gzipSync(secret)), 'compressed, which no output here is').toEqual([]);
    expect(() => findSecrets(new Map([['short', 'abc']]), [])).toThrow(/too short/);
  });
});
