import { innermost } from '@mooring/contract/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { SourceManifest } from '../interface/manifest.js';
import { metaOf } from '../kit/properties.js';
import { manifests } from '../registry.js';
import { parseConnectStatement, readConnectStatement, writeConnectStatement } from './connect-statement.js';

const manifestOf = (id: string): SourceManifest => {
  const found = manifests.find((manifest) => manifest.id === id);
  if (!found) throw new Error(`no source ${id}`);
  return found;
};

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(';', '=', '"', "'", '{', '}', ' ', '\n', '%', 'ä', '日', '\\', 'a') }),
);

/** Values of the kind that a schema wants; quoting must not depend on whether they pass its finer rules. */
function valuesFor(schema: z.ZodType): fc.Arbitrary<unknown> {
  const kind = innermost(schema);
  if (kind instanceof z.ZodBoolean) return fc.boolean();
  if (kind instanceof z.ZodNumber) return fc.oneof(fc.integer(), fc.constantFrom(0.5, -2.25, 1e21));
  if (kind instanceof z.ZodArray) return fc.array(fc.record({ name: text, value: text }), { maxLength: 3 });
  if (kind instanceof z.ZodObject)
    return fc.record({ delimiter: text, header: fc.boolean() }, { requiredKeys: [] });
  // A union of scalars is kept as text: `scalarText`.
  const texts = [z.ZodString, z.ZodEnum, z.ZodLiteral, z.ZodUnion];
  if (texts.some((textKind) => kind instanceof textKind)) return text;
  throw new Error(`the writer and the parser have to learn ${kind.constructor.name}`);
}

/** Definitions of a source: any of its visible properties, or none. */
function definitionsOf(manifest: SourceManifest): fc.Arbitrary<Record<string, unknown>> {
  const visible = Object.entries(manifest.properties.shape as Record<string, z.ZodType>).filter(
    ([name]) => (metaOf(manifest, name).holder ?? 'definition') === 'definition',
  );
  const members = Object.fromEntries(visible.map(([name, schema]) => [name, valuesFor(schema)]));
  return fc.record(members, { requiredKeys: [] });
}

const parsed = (manifest: SourceManifest, statement: string) => {
  const result = parseConnectStatement(manifest, statement);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return { ...result.properties };
};

const problemsOf = (manifest: SourceManifest, statement: string): string => {
  const result = parseConnectStatement(manifest, statement);
  return result.ok ? '' : result.problems.map((problem) => problem.message).join('; ');
};

describe('connect statements', () => {
  it.each(manifests.map((manifest) => [manifest.id, manifest] as const))(
    '%s: every definition reads back as it was written',
    (_id, manifest) => {
      fc.assert(
        fc.property(definitionsOf(manifest), fc.boolean(), (definition, isSeparated) => {
          const statement = writeConnectStatement(manifest, definition, isSeparated);
          expect(statement).toMatch(/^CUSTOM CONNECT TO "provider=[^;]+;.*"$/s);
          expect(parsed(manifest, statement)).toEqual({
            ...definition,
            ...(isSeparated ? { separateCredentials: true } : {}),
          });
        }),
        { numRuns: 200 },
      );
    },
  );

  it.each(manifests.map((manifest) => [manifest.id, manifest] as const))(
    '%s: V15: no secret is written, and one that is sent is refused by its name, never by its value',
    (_id, manifest) => {
      for (const name of Object.keys(manifest.properties.shape)) {
        expect(['provider', 'sourcetype', 'driver']).not.toContain(name.toLowerCase());
        const { holder = 'definition', secret } = metaOf(manifest, name);
        if (holder !== 'definition')
          expect(writeConnectStatement(manifest, { [name]: 'canary-2b7e' }, false)).not.toContain('canary');
        if (!secret) continue;
        const problems = problemsOf(manifest, `CUSTOM CONNECT TO "${name.toUpperCase()}=canary-2b7e;"`);
        expect(problems).toContain(`must not contain the secret ${name}`);
        expect(problems).not.toContain('canary');
      }
      expect(problemsOf(manifest, 'CUSTOM CONNECT TO "authCode=canary-2b7e;"')).toContain('authCode');
    },
  );

  it.each([
    ['double quotes', 'CUSTOM CONNECT TO "provider=QvOdbcConnectorPackage.exe;driver=postgres;host=h;db=d;"'],
    ['single quotes', "CUSTOM CONNECT TO 'provider=QvOdbcConnectorPackage.exe;driver=postgres;host=h;db=d;'"],
    ['stray blanks', ' custom connect to " provider = QvOdbcConnectorPackage.exe ; host = h ;; db=d" ; '],
    ['no trailing semicolon', 'CUSTOM CONNECT TO "driver=postgres;host=h;db=d"'],
    ['other casing', 'CUSTOM CONNECT TO "DRIVER=POSTGRES;HOST=h;Db=d;"'],
    ['quoted values', `CUSTOM CONNECT TO "driver=postgres;host='h';db={d};"`],
    ['no frame at all', 'driver=postgres;host=h;db=d;'],
  ])('are read with %s', (_what, statement) => {
    expect(parsed(manifestOf('postgres'), statement)).toEqual({ host: 'h', db: 'd' });
  });

  it.each(['QvWebConnectorPackage.exe', 'QvWebStorageProviderConnectorPackage.exe'])(
    'are read with the provider %s',
    (provider) => {
      const statement = `CUSTOM CONNECT TO "provider=${provider};sourceType=File_AmazonS3ConnectorV2;region=eu-west-1;"`;
      expect(parsed(manifestOf('File_AmazonS3ConnectorV2'), statement)).toEqual({ region: 'eu-west-1' });
    },
  );

  it("are read with Qlik's lists of REST parameters", () => {
    const statement =
      'CUSTOM CONNECT TO "provider=QvRestConnector.exe;url=https://api.example.com/v1;timeout=30;method=GET;queryParameters=sort%2+name%1limit%250;queryHeaders=X-A%2b%2c;"';
    expect(parsed(manifestOf('rest'), statement)).toEqual({
      url: 'https://api.example.com/v1',
      timeout: 30,
      method: 'GET',
      queryParameters: [
        { name: 'sort', value: '+name' },
        { name: 'limit', value: '50' },
      ],
      queryHeaders: [{ name: 'X-A', value: 'b%2c' }],
    });
  });

  it.each([
    ['another provider', 'CUSTOM CONNECT TO "provider=Other.exe;host=h;"', 'does not name the provider'],
    ['another source', 'CUSTOM CONNECT TO "driver=mysql;host=h;"', 'a different data source'],
    ['a part that is not a pair', 'CUSTOM CONNECT TO "host=h;canary-2b7e;db=d"', 'key=value'],
    ['a key given twice', 'CUSTOM CONNECT TO "host=canary-2b7e;HOST=b;"', 'gives HOST twice'],
  ])('are refused with %s, without repeating a value', (_what, statement, message) => {
    const problems = problemsOf(manifestOf('postgres'), statement);
    expect(problems).toContain(message);
    expect(problems).not.toContain('canary');
  });

  it('D19: no text keeps the reader busy', () => {
    const hostile = ["'", '"', '{', "a='", 'a={', "a=' ", 'a={} ', ';', '=', ' '].map((part) =>
      part.repeat(Math.floor(100_000 / part.length)),
    );
    const began = performance.now();
    for (const statement of hostile) readConnectStatement(`CUSTOM CONNECT TO ${statement}`);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
