import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { placeProblem } from './interface/provider.js';
import { findProvider, providers } from './providers/registry.js';

const folder = fileURLToPath(new URL('./providers/', import.meta.url));
const oauthFolder = fileURLToPath(new URL('../../server/src/core/oauth/', import.meta.url));

describe('the shape of the OAuth providers', () => {
  it('lists every file in the registry, by its name', () => {
    const files = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
    const ids = providers.map(({ id }) => id);
    expect([...ids, 'registry'].toSorted()).toEqual(files.toSorted());
    expect(findProvider('constructor')).toBeUndefined();
  });

  it('is data: a file imports nothing but the spec', () => {
    for (const { id } of providers) {
      const text = readFileSync(`${folder}${id}.ts`, 'utf8');
      const imports = [...text.matchAll(/from '([^']+)'/g)].map(([, path]) => path);
      expect(imports, id).toEqual(['../interface/provider.js']);
    }
  });

  it('leaves no name of a vendor in oauth', () => {
    const files = readdirSync(oauthFolder).filter((file) => /(?<!\.test)\.ts$/.test(file));
    expect(files.length).toBeGreaterThan(10);
    // OpenID Connect is not a vendor.
    const names = providers
      .filter(({ id }) => id !== 'oidc')
      .flatMap(({ id, name }) => [id, name, name.split(' ')[0]]);
    const vendor = new RegExp(`\\b(?:${names.join('|')})\\b`, 'i');
    for (const file of files) expect(readFileSync(`${oauthFolder}${file}`, 'utf8'), file).not.toMatch(vendor);
  });

  describe.each(providers.map((provider) => [provider.id, provider] as const))('%s', (_, provider) => {
    const { place } = provider;

    it('says where it is documented, what to register and how it is peculiar', () => {
      expect(provider.documentation).toMatch(/^https:\/\//);
      expect(provider.register).toMatch(/\.$/);
      expect(provider.quirks.length).toBeGreaterThan(0);
      for (const quirk of provider.quirks) expect(quirk).toMatch(/\.$/);
    });

    it('has https endpoints, at its own hosts or at the place that was given', () => {
      const { account, ...preset } = provider.preset(place?.example ?? '');
      const endpoints = Object.entries({ ...preset, accountEndpoint: account?.endpoint })
        .filter(([name, value]) => /[eE]ndpoint$|^issuer$/.test(name) && value !== undefined && value !== '')
        .map(([, value]) => String(value));
      expect(endpoints.length).toBeGreaterThan(0);
      for (const endpoint of endpoints) {
        expect(new URL(endpoint).protocol, endpoint).toBe('https:');
        expect(endpoint).not.toMatch(/undefined|[\s\\]/);
      }
    });

    it('S05: takes no place that leads elsewhere', () => {
      if (!place) {
        expect(placeProblem(provider, 'x')).toContain('leave it out');
        return;
      }
      expect(placeProblem(provider, place.example)).toBeUndefined();
      expect(placeProblem(provider, undefined) === undefined).toBe(place.default !== undefined);
      const evil = [
        '',
        'evil.example/',
        'evil.example#',
        'evil.example?',
        'evil.example:443',
        'user@evil.example',
        'evil.example\\x',
        'evil.example\n',
        `${place.example}/../x`,
        `${place.example}@evil.example`,
        `evil.example/${place.example}`,
        `${place.example}#.evil.example`,
        'http://id.example.com',
        'https://user:password@id.example.com',
        'https://id.example.com/?x',
        'https://id.example.com/#x',
        '127.0.0.1',
        '[::1]',
        'ünïcode.example',
      ];
      const isIssuer = place.example.startsWith('https://');
      for (const given of evil) {
        // A path of its own is a part of an issuer, dots and all: the URL parser resolves them before they are dialled.
        if (isIssuer && given.endsWith('/../x')) continue;
        expect(placeProblem(provider, given), JSON.stringify(given)).toBeDefined();
      }
    });
  });
});
