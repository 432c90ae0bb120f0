import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { metaOf } from '@mooring/connectors/kit/properties';
import { manifests } from '@mooring/connectors/registry';
import { startCanary } from '@mooring/lab/canary';
import { apiClient } from '@mooring/server/testing/api-client';
import { expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';

/** What drivers elsewhere run a program or load code for. */
const executing = {
  authenticator: 'externalbrowser',
  ProxyCommand: 'touch MARKER',
  sslfactory: 'org.example.Factory',
  socketFactory: 'org.example.Factory',
  authenticationPluginClassName: 'org.example.Plugin',
  autoDeserialize: 'true',
  driver: '/tmp/driver.so',
  credential_process: 'touch MARKER',
  executable: 'touch MARKER',
  credential_source: '{"executable":{"command":"touch MARKER"}}',
  passfile: 'MARKER',
  service: 'MARKER',
};
const childrenOf = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();

it('D09: no property of any source runs a program, and names that would elsewhere are refused', async () => {
  const [mooring, canary] = [await startMooring(), await startCanary()];
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-marker-'));
  const marker = path.join(folder, 'marker');
  const api = apiClient(mooring.url, mooring.adminKey);
  const children = new Set<string>();
  const watch = setInterval(() => children.add(childrenOf(mooring.pid)), 5);
  const values = [
    `\`touch ${marker}\``,
    `$(touch ${marker})`,
    `; touch ${marker} #`,
    `| touch ${marker}`,
    `\${jndi:ldap://${canary.host}:${canary.port}/x}`,
    `#{T(java.lang.Runtime).getRuntime().exec("touch ${marker}")}`,
    `{{constructor.constructor("process.mainModule.require('child_process').execSync('touch ${marker}')")()}}`,
  ];
  try {
    for (const manifest of manifests) {
      const post = (connectionProperties: object) =>
        api.post('/api/v1/data-connections/actions/test', {
          datasourceID: manifest.id,
          connectionProperties,
        });
      for (const [name, value] of Object.entries(executing)) {
        const known = Object.keys(manifest.properties.shape).map((each) => each.toLowerCase());
        if (known.includes(name.toLowerCase())) continue;
        const { status, text } = await post({ [name]: value.replace('MARKER', marker) });
        expect([manifest.id, name, status], text).toEqual([manifest.id, name, 400]);
      }
      const texts = Object.keys(manifest.properties.shape).filter(
        (name) => metaOf(manifest, name).dials === undefined,
      );
      for (const value of values) {
        const dialled = { host: '127.0.0.1', url: 'http://127.0.0.1:9/', endpoint: 'http://127.0.0.1:9' };
        for (const name of texts) {
          const { status, text } = await post({ ...dialled, username: 'u', password: 'p', [name]: value });
          expect([200, 400], text).toContain(status);
        }
        const all = Object.fromEntries(texts.map((name) => [name, value]));
        expect([200, 400]).toContain((await post({ ...dialled, ...all })).status);
      }
    }
    expect([...children]).toEqual(['']);
    expect(existsSync(marker)).toBe(false);
    expect(canary.connections()).toBe(0);
  } finally {
    clearInterval(watch);
    await mooring.stop();
    await canary.close();
    rmSync(folder, { recursive: true });
  }
});
