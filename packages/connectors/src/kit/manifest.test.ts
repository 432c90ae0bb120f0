import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { property, secret } from '../interface/fields.js';
import { Secret } from '../interface/secret.js';
import { type AnySource, defineSource } from '../interface/source.js';
import { toySource } from '../suite/toy-source.js';
import { lackingOf } from './login-parts.js';
import { manifestOf } from './manifest.js';

const meta = { title: 'T', description: 'D' };
const user = property(z.string().min(1), meta);
const source = defineSource({
  ...toySource,
  target: ['host'],
  properties: z.strictObject({
    host: property(z.string(), meta),
    mode: property(z.enum(['key', 'token']).default('key'), { ...meta, decides: 'nothing' }),
  }),
  logins: {
    token: {
      label: 'Token',
      fields: { token: secret(z.string(), meta) },
      required: ['token'],
      needs: [['host']],
      when: { mode: 'token' },
    },
    key: {
      label: 'Key',
      fields: { user, password: secret(z.string(), meta), key: secret(z.string(), meta) },
      required: ['user', ['password', 'key']],
      conflicts: (login) =>
        login['password'] && login['key'] ? [{ property: 'key', message: 'cannot be given, too' }] : [],
    },
    other: { label: 'Other', fields: { user }, required: ['user'] },
  },
  clientSecrets: { clientSecret: secret(z.string(), meta) },
  endpoints: ({ host }) => [{ role: 'data', host, port: 1, security: 'none' }],
  load: (): never => {
    throw new Error('not loaded');
  },
}) as unknown as AnySource;

describe('the flat view of a source', () => {
  const manifest = manifestOf(source);

  it('has definition, logins and client secrets in one strict object, each held where it stands', () => {
    const shape = manifest.properties.shape as Record<string, z.ZodType>;
    expect(Object.keys(shape)).toEqual(['host', 'mode', 'token', 'user', 'password', 'key', 'clientSecret']);
    const { properties: parts } = z.toJSONSchema(manifest.properties, { io: 'input' });
    const held = Object.entries(parts ?? {}).map(([name, part]) => [
      name,
      (part as Record<string, unknown>)['holder'],
    ]);
    expect(Object.fromEntries(held)).toEqual({
      host: undefined,
      mode: undefined,
      token: 'credential',
      user: 'credential',
      password: 'credential',
      key: 'credential',
      clientSecret: 'connection',
    });
    expect(manifest.properties.safeParse({ host: 'h' }).success, 'a credential may come later').toBe(true);
    expect(manifest.properties.safeParse({ host: 'h', port: 1 }).success).toBe(false);
  });

  it('says what a login lacks, with alternatives', () => {
    const key = manifest.signIns.find(({ id }) => id === 'key');
    if (!key) throw new Error('no sign-in');
    expect(lackingOf(key, {}, {})).toEqual([
      { property: 'user', message: 'is required for sign-in by Key' },
      { property: 'password', message: 'or key is required for sign-in by Key' },
    ]);
    expect(lackingOf(key, {}, { user: 'a', key: new Secret('k') })).toEqual([]);
    expect(manifest.signIns[0]).toMatchObject({ when: { mode: 'token' }, requiredOneOf: [['host']] });
  });

  it('asks the selected login method for conflicts', () => {
    const both = { password: 'p', key: 'k' };
    expect(manifest.credentialConflicts?.(both, { mode: 'key' })).toHaveLength(1);
    expect(manifest.credentialConflicts?.(both, { mode: 'token' })).toEqual([]);
  });

  it('refuses two properties of one name', () => {
    const twice = { ...source, clientSecrets: { host: secret(z.string(), meta) } };
    expect(() => manifestOf(twice)).toThrow(/two properties host/);
  });
});
