import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from './interface/endpoint.js';
import { manifestOf } from './kit/manifest.js';
import { destinationOf, withDefaults } from './kit/properties.js';
import { endpointsOf } from './kit/typed-input.js';
import { manifests, sourceOf } from './registry.js';
import type { SourceHarness } from './suite/harness.js';
import { harnesses } from './suite/harnesses.js';

const fileOf = (id: string) => new URL(`./sources/${id}/harness.ts`, import.meta.url);
const ids = manifests.map(({ id }) => id);

const place = (port: number) => ({ host: '127.0.0.1', port, url: `http://127.0.0.1:${port}` });
const places = { here: place(1), there: place(2), certificate: 'another certificate' };

/** Whom the credential is sent to, and how; a pinned key is a property of its own. */
const addressOf = ({ role, host, port, security, trust }: Endpoint) => ({
  ...{ role, host, port, security },
  ...{ ca: trust?.ca, verify: trust?.verify },
});

describe('the harnesses of the sources', () => {
  it('are there for every source of the registry', () => {
    const without = ids.filter((id) => !existsSync(fileOf(id)));
    expect(without, 'write sources/<id>/harness.ts, as docs/guides/add-a-source.md says').toEqual([]);
    // The suites that go over all sources read this list.
    expect(harnesses.map(([id]) => id).toSorted()).toEqual(ids.toSorted());
  });

  it('say why a source is not in the demo, and only then', () => {
    const demo = new URL('../../lab/src/demo/', import.meta.url);
    const files = readdirSync(demo, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const texts = files.map(({ parentPath, name }) => readFileSync(path.join(parentPath, name), 'utf8'));
    const isShown = (id: string) => texts.some((text) => text.includes(`'${id}'`));
    for (const [id, { notInDemo }] of harnesses)
      expect(isShown(id), `${id}: ${notInDemo ?? 'no reason'}`).toBe(notInDemo === undefined);
  });

  it.each(ids)('%s: covers every property', async (id) => {
    const { harness } = (await import(fileOf(id).href)) as { harness: SourceHarness };
    const source = sourceOf(id);
    const { definition, credential, edits, logins = {} } = harness.destinations(places);
    const changed = new Set(edits.flatMap(({ change }) => Object.keys(change)));
    const isUncovered = (name: string) => !changed.has(name);
    expect(Object.keys(source.properties.shape).filter(isUncovered), 'definition').toEqual([]);
    const filled = new Set([credential, ...Object.values(logins)].flatMap((one) => Object.keys(one)));
    const fields = Object.values(source.logins).flatMap((login) => Object.keys(login.fields));
    expect(
      [...new Set(fields)].filter((name) => !filled.has(name)),
      'credential',
    ).toEqual([]);

    // Where each change leads is asked of the source, whatever its properties and its harness say.
    const manifest = manifestOf(source);
    const whole = withDefaults(manifest, definition);
    for (const { what, change, meaning } of edits) {
      if (meaning === 'refuse') continue;
      const after = { ...whole, ...change };
      const isSame = destinationOf(manifest, after) === destinationOf(manifest, whole);
      expect(isSame, `${what}: whether the destination stays; see "decides" of the properties`).toBe(
        meaning === 'keep',
      );
      if (meaning === 'confirm')
        for (const [name, value] of Object.entries(change))
          expect(destinationOf(manifest, { ...whole, [name]: value }), `${what}: ${name} alone`).not.toBe(
            destinationOf(manifest, whole),
          );
      if (meaning === 'keep')
        expect(endpointsOf(source, after, {}).map(addressOf), what).toEqual(
          endpointsOf(source, whole, {}).map(addressOf),
        );
    }
  });
});
