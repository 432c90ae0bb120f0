import { describe, expect, it } from 'vitest';
import { metaOf } from '../kit/properties.js';
import { manifests } from '../registry.js';
import { qriDefinitionOf, qriTargetOf } from './qri.js';

describe('resource identifiers', () => {
  it.each(manifests.map((manifest) => [manifest.id, manifest] as const))(
    '%s: are made of visible properties of the definition',
    (_id, manifest) => {
      const { connectionPart, pathPart, qriPrefix } = qriDefinitionOf(manifest);
      expect(qriPrefix).toMatch(/^qri:[a-z0-9:-]+:\/\/$/);
      expect(connectionPart.properties.length).toBeGreaterThan(0);
      for (const name of connectionPart.properties) {
        const { holder = 'definition', secret = false } = metaOf(manifest, name);
        expect([name, holder, secret]).toEqual([name, 'definition', false]);
        expect(connectionPart.template).toContain(`{${name}}`);
      }
      expect(pathPart.properties.length).toBeGreaterThan(0);
    },
  );

  it('do not depend on how a host or a URL is spelled', () => {
    const [postgres, rest] = ['postgres', 'rest'].map((id) => manifests.find((one) => one.id === id));
    if (!postgres || !rest) throw new Error('no such source');
    const target = (host: string) => qriTargetOf(postgres, { host, port: 5432, db: 'sales' });
    expect(target('DB.Example.COM')).toEqual(target('db.example.com'));
    expect(target('db2.example.com')).not.toEqual(target('db.example.com'));
    expect(qriTargetOf(rest, { url: 'https://API.example.com:443/a' })).toEqual(
      qriTargetOf(rest, { url: 'https://api.example.com/a', timeout: 5 }),
    );
  });

  it('tell apart what the same address means behind different tunnels', () => {
    const postgres = manifests.find(({ id }) => id === 'postgres');
    if (!postgres) throw new Error('no such source');
    const target = (way: object) =>
      qriTargetOf(postgres, { host: 'localhost', port: 5432, db: 'sales', ...way });
    const tunnels = [{}, { tunnelHost: 'a.example.com' }, { tunnelHost: 'b.example.com' }];
    const all = [...tunnels, { tunnelHost: 'a.example.com', tunnelPort: 2222 }].map((way) =>
      target(way).join('/'),
    );
    expect(new Set(all).size).toBe(4);
    expect(target({ tunnelHost: 'A.example.com' })).toEqual(target({ tunnelHost: 'a.example.com' }));
    expect(target({ tunnelPublicKeyFingerprint: 'SHA256:…' })).toEqual(['localhost', '5432', 'sales']);
  });
});
