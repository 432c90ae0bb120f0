import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './interface/secret.js';
import { manifestOf } from './kit/manifest.js';
import { destinationOf, hasInteractiveSignIn, metaOf } from './kit/properties.js';
import { hideSecrets } from './kit/secret-fields.js';
import { typedInput } from './kit/typed-input.js';
import { apiSpecsOf } from './qlik/api-specs.js';
import { qlikNamesOf } from './qlik/names.js';
import { withTuning } from './qlik/tuning.js';
import { manifests, sourceOf } from './registry.js';
import { blanksIn } from './suite/blanks.js';

const sourcesFolder = fileURLToPath(new URL('./sources/', import.meta.url));
const folders = readdirSync(sourcesFolder).toSorted();
const packagesFolder = fileURLToPath(new URL('../../', import.meta.url));

const forTests = /\.test\.ts$|\.d\.ts$|\/(?:suite|testing|__fixtures__)\/|test-stand|harness/;

/** Source files of packages, as paths below `packages`, without those that serve tests only. */
function productFiles(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const files = readdirSync(path.join(packagesFolder, name, 'src'), { recursive: true, encoding: 'utf8' });
    return files
      .map((file) => `${name}/src/${file.replaceAll(path.sep, '/')}`)
      .filter((file) => file.endsWith('.ts') && !forTests.test(file));
  });
}

/** The text of a file without its comments. */
const codeOf = (file: string): string =>
  readFileSync(path.join(packagesFolder, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

describe('the shape of the sources', () => {
  it('lists every folder in the registry, by its name', () => {
    expect(manifests.map((manifest) => manifest.id).toSorted()).toEqual(folders);
  });

  describe.each(manifests.map((manifest) => [manifest.id, manifest] as const))('%s', (id, manifest) => {
    it('has the files of a source, and few', () => {
      const files = readdirSync(path.join(sourcesFolder, id));
      expect(files).toContain('source.ts');
      expect(files.some((file) => file.endsWith('.test.ts'))).toBe(true);
      expect(
        files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).length,
      ).toBeLessThanOrEqual(9);
    });

    it('leaves nothing to fill in', () => {
      expect(blanksIn(new URL(`./sources/${id}/`, import.meta.url))).toEqual([]);
    });

    it('reaches no driver from what is imported at start', () => {
      const text = readFileSync(path.join(sourcesFolder, id, 'source.ts'), 'utf8');
      expect(text).not.toMatch(/^import (?!type)[^;]*connector\.js/m);
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
      const { connector } = await sourceOf(id).load();
      expect(typeof connector.open).toBe('function');
    });
  });

  it('is not named outside sources, providers, qlik, registry and tests', () => {
    const ids = manifests.map((manifest) => manifest.id).filter((id) => id !== 'rest');
    const offenders = productFiles(['contract', 'connectors', 'server'])
      .filter((file) => !/^connectors\/src\/(?:sources|families|providers|qlik)\/|\/registry\.ts$/.test(file))
      .flatMap((file) => ids.filter((id) => codeOf(file).includes(`'${id}'`)).map((id) => `${file}: ${id}`));
    expect(offenders).toEqual([]);
  });
});

describe("Qlik's wire", () => {
  const wireOnly = /Qv\w+Package|Qv\w+\.exe|DcaasAPI|connectorProvider|['"`]qri:/;
  const ofSources =
    /qri(?![a-z])|(?:source|statement)Property|statementProvider|providerName|connectorVersion|sourceType|CONNECT TO|connectionProperties\b(?!')|separateCredentials|selectedCredentials|credentialsName|authCode|qUsername|qPassword|qType|WITH CONNECTION|another driver/;

  it.each([
    ['server', wireOnly],
    ['connectors', new RegExp(`${wireOnly.source}|${ofSources.source}`)],
  ])('is named by no file of %s outside its room', (name, words) => {
    const offenders = productFiles([name])
      .filter((file) => !file.startsWith('connectors/src/qlik/'))
      .flatMap((file) => {
        const found = words.exec(codeOf(file));
        return found ? [`${file}: ${found[0]}`] : [];
      });
    expect(offenders).toEqual([]);
  });

  it('names a source without a line of its own by its category', () => {
    const prefixes = (['file', 'database', 'api'] as const).map((category) => {
      const { qriPrefix, sourceProperty } = qlikNamesOf({ id: 'New_Source', category });
      return [qriPrefix, sourceProperty];
    });
    expect(prefixes).toEqual([
      ['qri:file:new-source://', 'sourceType'],
      ['qri:db:new-source://', 'driver'],
      ['qri:api:new-source://', 'sourceType'],
    ]);
  });

  it("accepts properties of Qlik's drivers, which no connector sees", () => {
    const own = sourceOf('postgres');
    const joined = withTuning(manifestOf(own));
    // The order of stored definitions and of connect statements.
    expect(Object.keys(joined.properties.shape).join()).toMatch(
      /^host,port,db,FetchTSWTZasTimestamp,MaxVarcharSize,sslmode/,
    );
    const definition = { host: 'h', db: 'd', MaxVarcharSize: '9' };
    expect(joined.properties.safeParse(definition).success).toBe(true);
    expect(own.properties.safeParse(definition).success).toBe(false);
    const fields = { username: 'u', password: new Secret('p') };
    const { properties } = typedInput(own, { definition, method: 'password', fields, settings: {} });
    expect(properties).toEqual({ host: 'h', port: 5432, db: 'd', sslmode: 'verify-full' });
  });
});
