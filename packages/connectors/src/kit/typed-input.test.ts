import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { type InlineFiles, inlineFilesSchema, property, secret } from '../interface/fields.js';
import { Secret } from '../interface/secret.js';
import { endpointsOf, typedInput } from './typed-input.js';

const meta = { title: 'T', description: 'D' };
const user = property(z.string().min(1), { ...meta, holder: 'credential' });
const source = {
  id: 'toy',
  properties: z.strictObject({
    host: property(z.string().min(1), meta),
    port: property(z.int().default(5432), meta),
    note: property(z.string().optional(), meta),
  }),
  settings: z.strictObject({ region: z.string().default('eu') }),
  logins: {
    password: {
      label: 'Password',
      fields: { user, password: secret(z.string().min(4), meta), pin: secret(z.string(), meta).optional() },
      required: ['user', 'password'],
    },
    key: { label: 'Key', fields: { user, key: secret(inlineFilesSchema, meta) }, required: ['key'] },
  },
  endpoints: ({ host, port }: { host: string; port: number }, { region }: { region: string }) => [
    { role: 'data' as const, host: `${region}.${host}`, port, security: 'none' as const },
  ],
};
const stored = {
  definition: { host: 'h' },
  method: 'password',
  fields: { user: 'ann', password: new Secret('canary-1') },
  settings: {},
};

describe('typedInput', () => {
  it('applies defaults, and hides secrets that it has checked', () => {
    const { properties, settings, login } = typedInput(source, stored);
    expectTypeOf(properties.port).toEqualTypeOf<number>();
    expect(properties).toEqual({ host: 'h', port: 5432 });
    expect(settings).toEqual({ region: 'eu' });
    if (login.method !== 'password') throw new Error('the other method');
    expectTypeOf(login.fields.password).toEqualTypeOf<Secret<string>>();
    expect(login.fields.user).toBe('ann');
    expect(login.fields.password.reveal()).toBe('canary-1');
    expect('pin' in login.fields).toBe(false);
    expect(JSON.stringify(login)).not.toContain('canary');
  });

  it('takes the fields of the method only, and files as secrets', () => {
    const file = [{ name: 'k.pem', value: 'canary-2' }];
    const fields = { ...stored.fields, key: new Secret(file) };
    const { login } = typedInput(source, { ...stored, method: 'key', fields });
    if (login.method !== 'key') throw new Error('the other method');
    expectTypeOf(login.fields.key).toEqualTypeOf<Secret<InlineFiles>>();
    expect(Object.keys(login.fields)).toEqual(['user', 'key']);
    expect(login.fields.key.reveal()).toEqual(file);
  });

  it('TR13: takes no secret that does not come hidden', () => {
    const fields = { ...stored.fields, password: 'canary-1' };
    expect(() => typedInput(source, { ...stored, fields })).toThrow(
      '"password" of the credential is missing',
    );
  });

  it('passes the token on, and leaves out stored properties that the source does not have', () => {
    const token = async () => new Secret('t');
    const definition = { ...stored.definition, MaxVarcharSize: '99' };
    const { properties, login } = typedInput(source, { ...stored, definition, token });
    expect(login.token).toBe(token);
    expect(properties).not.toHaveProperty('MaxVarcharSize');
  });

  it.each([
    ['a definition', { definition: { host: 'h', port: 'canary' } }, 'The property "port" of the connection'],
    ['a definition without it', { definition: {} }, 'The property "host" of the connection'],
    ['a setting', { settings: { regoin: 'canary' } }, 'The setting sources.toy.regoin'],
    ['a secret', { fields: { user: 'ann', password: new Secret('can') } }, '"password" of the credential'],
    ['a login without it', { fields: { user: 'ann' } }, '"password" of the credential'],
    ['the method', { method: 'constructor' }, 'The credential is for a sign-in that no longer exists'],
  ])('names what is wrong in %s, never a value', (_where, change, text) => {
    const failing = () => typedInput(source, { ...stored, ...change });
    expect(failing).toThrow(expect.objectContaining({ kind: 'invalid_config' }));
    expect(failing).toThrow(text);
    expect(failing).not.toThrow(/canary/);
  });

  it('gives endpoints their typed definition and settings', () => {
    expect(endpointsOf(source, { host: 'h' }, { region: 'us' })).toMatchObject([
      { host: 'us.h', port: 5432 },
    ]);
    expect(() => endpointsOf(source, {}, {})).toThrow(/"host"/);
  });
});
