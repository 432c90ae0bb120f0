import { inspect } from 'node:util';
import { Secret } from '@mooring/connectors/interface/secret';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createVault, type SealContext, UnreadableError, type Vault } from './envelope.js';
import { loadMasterKey } from './keyring.js';

const keyOf = (text: string) => loadMasterKey({ source: 'environment', value: text }, true).key;
const context: SealContext = {
  tenantId: 'tenant',
  recordKind: 'credential',
  recordId: 'record',
  ownerId: 'alice',
  version: 1,
  field: 'login',
};

describe('the vault', () => {
  let vault: Vault;
  beforeEach(() => {
    vault = createVault(keyOf('q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc='));
  });

  it('opens what it sealed, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const restored = vault.open(vault.seal(value, context), context);
        expect(JSON.stringify(restored.reveal())).toBe(JSON.stringify(value));
      }),
    );
  });

  it('TR13: seals the values of `Secret` members at any depth, and returns opened values wrapped', () => {
    const secret = new Secret('canary-of-an-envelope');
    const opened = vault.open(vault.seal({ a: [secret], b: new Secret({ c: secret }) }, context), context);
    expect(opened.reveal()).toEqual({ a: ['canary-of-an-envelope'], b: { c: 'canary-of-an-envelope' } });
    const shown = [JSON.stringify({ opened }), inspect({ opened }, { showHidden: true }), `${opened}`];
    expect(shown.join()).not.toContain('canary');
    expect(structuredClone(opened)).toEqual({});
  });

  it.each(['tenantId', 'recordKind', 'recordId', 'ownerId', 'version', 'field'] as const)(
    'V03, V04, V05: does not open a value under another %s',
    (member) => {
      const sealed = vault.seal('secret', context);
      const moved = { ...context, [member]: member === 'version' ? 2 : 'other' };
      expect(() => vault.open(sealed, moved)).toThrow(UnreadableError);
    },
  );

  it('distinguishes contexts whose concatenated members are equal', () => {
    const sealed = vault.seal('secret', { ...context, recordId: 'ab', ownerId: 'c' });
    expect(() => vault.open(sealed, { ...context, recordId: 'a', ownerId: 'bc' })).toThrow(UnreadableError);
  });

  it('V02: does not open a value with any byte changed', () => {
    const sealed = vault.seal('secret', context);
    for (const member of ['wrappedKey', 'ciphertext'] as const) {
      const bytes = Buffer.from(sealed[member], 'base64');
      for (let index = 0; index < bytes.length; index += 1) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ 1;
        expect(() => vault.open({ ...sealed, [member]: changed.toString('base64') }, context)).toThrow(
          UnreadableError,
        );
      }
    }
    expect(() => vault.open({ ...sealed, keyId: 'other' }, context)).toThrow(UnreadableError);
    expect(() => vault.open({ ...sealed, ciphertext: '' }, context)).toThrow(UnreadableError);
  });

  it('does not open under another key', () => {
    const other = createVault(keyOf('Zb9s2XcQ7vTn4mKd8wRy1hUj5gLp3fEo6aIiVxCzB0M='));
    expect(() => other.open(vault.seal('secret', context), context)).toThrow(UnreadableError);
  });

  it('reveals nothing about the value in its error', () => {
    try {
      vault.open({ ...vault.seal('the-secret-value', context), keyId: 'x' }, context);
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain('the-secret-value');
    }
  });
});

describe('the master key', () => {
  it.each([
    ['base64url', (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')],
    ['base64 without padding', (text: string) => text.replace('=', '')],
    ['a line of a file', (text: string) => ` ${text}\r\n`],
  ])('is the same as %s', (_form, write) => {
    const text = '+/Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKl//k=';
    expect(keyOf(write(text))).toEqual(keyOf(text));
  });

  it.each([
    ['too short', Buffer.alloc(16, 7).toString('base64')],
    ['too long', Buffer.alloc(48, 7).toString('base64')],
    ['a word', 'changeme'],
    ['a word repeated', Buffer.from('passwordpasswordpasswordpassword').toString('base64')],
    ['all one', Buffer.alloc(32, 0xff).toString('base64')],
    ['all zero', Buffer.alloc(32).toString('base64')],
    ['one repeated byte', Buffer.alloc(32, 65).toString('base64')],
    ['counting up', Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')],
    ['an example of documentation', Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')],
    ['another example', Buffer.from('abcdefghijklmnopqrstuvwxyz012345').toString('base64')],
    ['not base64', 'correct horse battery staple!!!'],
    ['preceded by a quote', '"q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc='],
    ['followed by a quote', 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc="'],
  ])('V08: refuses a key that is %s', (_what, value) => {
    expect(() => keyOf(value)).toThrow(/openssl rand -base64 32/);
  });
});
