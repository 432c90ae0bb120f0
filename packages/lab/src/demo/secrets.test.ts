import { describe, expect, it } from 'vitest';
import { createSecretValues } from './secrets.js';

const secret = 'correct horse/battery+staple';

describe('secrets of the demo', () => {
  it('are masked in print, the longer of two that overlap first', () => {
    const secrets = createSecretValues();
    secrets.hide('password');
    secrets.entrust('password-of-alice');
    expect(secrets.mask('{"password-of-alice": "password"}')).toBe('{"•••": "•••"}');
  });

  it('leaves short values alone, which would be found everywhere', () => {
    const secrets = createSecretValues();
    secrets.entrust('alice');
    expect(secrets.mask('alice')).toBe('alice');
    expect(secrets.countIn(Buffer.from('alice'))).toBe(0);
  });

  it.each(['', 'a', 'ab', 'abc', 'abcd'])(
    'are found behind %j as they are, in base64 and in hexadecimal',
    (before) => {
      const secrets = createSecretValues();
      secrets.entrust(secret);
      const text = `${before}${secret} and more`;
      for (const encoding of ['utf8', 'base64', 'hex'] as const) {
        const encoded = Buffer.from(Buffer.from(text).toString(encoding));
        expect(secrets.countIn(encoded), encoding).toBe(1);
      }
      expect(secrets.countIn(Buffer.from(text.replace('horse', 'house')))).toBe(0);
    },
  );

  it('does not count what was only hidden', () => {
    const secrets = createSecretValues();
    secrets.hide(secret);
    expect(secrets.countIn(Buffer.from(secret))).toBe(0);
  });
});
