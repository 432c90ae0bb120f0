import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './interface/secret.js';
import { apiSpecsOf, destinationOf, hasInteractiveSignIn, metaOf } from './kit/properties.js';
import { hideSecrets } from './kit/secret-fields.js';
import { manifests } from './registry.js';

const sourcesFolder = fileURLToPath(new URL('./sources/', import.meta.url));
const folders = readdirSync(sourcesFolder).toSorted();

describe('the shape of the sources', () => {
  it('lists every folder in the registry, by its name', () => {
    expect(manifests.map((manifest) => manifest.id).toSorted()).toEqual(folders);
  });

  describe.each(manifests.map((manifest) => [manifest.id, manifest] as const))('%s', (id, manifest) => {
    it('has the files of a source, and few', () => {
      const files = readdirSync(path.join(sourcesFolder, id));
      for (const file of ['manifest.ts', 'connector.ts', 'credentials.ts']) expect(files).toContain(file);
      expect(files.some((file) => file.endsWith('.test.ts'))).toBe(true);
      expect(
        files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).length,
      ).toBeLessThanOrEqual(9);
    });

    it('reaches no driver from its manifest', () => {
      const text = readFileSync(path.join(sourcesFolder, id, 'manifest.ts'), 'utf8');
      expect(text).not.toMatch(/^import (?!type)[^;]*connector\.js/m);
      expect(text).toContain("import('./connector.js')");
    });

    it('says of every property what it is, who holds it and whether it decides a destination', () => {
      for (const name of Object.keys(manifest.properties.shape)) {
        const meta = metaOf(manifest, name);
        expect(meta.title, name).toBeTruthy();
        expect(meta.description, name).toBeTruthy();
        if (meta.secret) expect(['credential', 'connection'], name).toContain(meta.holder);
        if (meta.dials) expect(meta.decides, name).not.toBe('nothing');
      }
    });

    it('TR13: hides its secrets where they come in, and only them', () => {
      const canary = 'canary-of-a-property';
      const names = Object.keys(manifest.properties.shape);
      const hidden = hideSecrets(manifest, Object.fromEntries(names.map((name) => [name, canary])));
      for (const name of names)
        expect(hidden[name] instanceof Secret, name).toBe(metaOf(manifest, name).secret === true);
      const secrets = names.filter((name) => metaOf(manifest, name).secret).map((name) => hidden[name]);
      const shown = [JSON.stringify(secrets), inspect(secrets, { showHidden: true }), String(secrets)];
      expect(shown.join() + inspect(structuredClone(secrets))).not.toContain(canary);
    });

    it('names only properties it has in its sign-in methods, and one of them always applies', () => {
      const names = Object.keys(manifest.properties.shape);
      for (const method of manifest.signIns) {
        for (const field of [
          ...method.fields,
          ...(method.requiredProperties ?? []),
          ...(method.requiredOneOf ?? []).flat(),
          ...Object.keys(method.when ?? {}),
        ]) {
          expect(names, `${method.id} ${field}`).toContain(field);
        }
        for (const field of method.required) expect(method.fields).toContain(field);
        for (const field of method.fields) expect(metaOf(manifest, field).holder).toBe('credential');
      }
      expect(manifest.signIns.at(-1)?.when).toBeUndefined();
    });

    it('offers the separated-credentials trio, and authCode for interactive sign-ins', () => {
      const { properties } = apiSpecsOf(manifest).connectionProperties;
      expect(properties).toMatchObject({
        separateCredentials: { type: 'boolean', default: false },
        selectedCredentials: { type: 'string' },
        credentialsName: { type: 'string' },
      });
      expect('authCode' in properties).toBe(hasInteractiveSignIn(manifest));
    });

    it('has an icon that can do no harm, vendor links and honest evidence', () => {
      expect(Buffer.byteLength(manifest.icon)).toBeLessThan(4096);
      expect(manifest.icon).toMatch(/^<svg/);
      expect(manifest.icon).not.toMatch(/script|href|url\(|on\w+=|<!/i);
      expect(manifest.links.length).toBeGreaterThan(0);
      for (const { url } of manifest.links) expect(url).toMatch(/^https:\/\//);
      expect(manifest.evidence.verifiedAgainst.length).toBeGreaterThan(0);
      expect(destinationOf(manifest, {})).toContain(manifest.id);
    });

    it('loads its driver on demand', async () => {
      const { connector } = await manifest.load();
      expect(typeof connector.open).toBe('function');
      expect(typeof connector.targets).toBe('function');
    });
  });

  it('is not named outside sources, registry and tests', () => {
    const ids = manifests.map((manifest) => manifest.id).filter((id) => id !== 'rest');
    const packages = fileURLToPath(new URL('../../', import.meta.url));
    const product = ['contract', 'connectors', 'server'].map((name) => path.join(packages, name, 'src'));
    const offenders: string[] = [];
    const walk = (folder: string) => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const full = path.join(folder, entry.name);
        if (entry.isDirectory()) {
          if (
            full !== sourcesFolder.replace(/\/$/, '') &&
            !/suite|testing|families|__fixtures__/.test(entry.name)
          )
            walk(full);
        } else if (/\.ts$/.test(entry.name) && !/\.test\.ts$|registry\.ts$/.test(entry.name)) {
          const code = readFileSync(full, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
          for (const id of ids) if (code.includes(`'${id}'`)) offenders.push(`${full}: ${id}`);
        }
      }
    };
    for (const folder of product.filter((candidate) => existsSync(candidate))) walk(folder);
    expect(offenders).toEqual([]);
  });
});
