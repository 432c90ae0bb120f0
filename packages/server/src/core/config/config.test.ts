import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.js';

describe('configuration', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What the start says about this file. */
  const refusalOf = (text: string, environment: Record<string, string> = {}): string => {
    const file = path.join(folder, 'config.yaml');
    writeFileSync(file, text, { mode: 0o600 });
    try {
      loadConfig({ config: file }, environment);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as Error).message;
    }
    return '';
  };

  const secret = 'canary-client-secret-71';

  it.each([
    [
      'a lost blank',
      `oauth:\n  clients:\n    google:\n      clientId: a\n      clientSecret:${secret}\n`,
      'line 5',
    ],
    [
      'a wrong indent',
      `oauth:\n  clients:\n    google:\n      clientId: a\n     clientSecret: ${secret}\n`,
      'line 5',
    ],
    ['a quote that does not end', `publicUrl: "${secret}\n`, 'line 2, column 1'],
    ['an alias without anchor', `publicUrl: *${secret}\n`, 'line 1'],
    ['an unknown tag', `publicUrl: !${secret} x\n`, 'line 1'],
    ['a name twice', `${secret}: 1\n${secret}: 2\n`, 'line 2'],
    [
      'a blank lost inside of braces',
      `oauth: {clients: {google: {clientId: a, clientSecret:${secret}}}}`,
      'line 1',
    ],
    [
      'a secret without its name',
      'oauth: {clients: {google: {clientId: a, Canary71secret}}}',
      'line 1, column 41',
    ],
    ['a list of secrets', `oauth:\n  clients:\n    - ${secret}\n`, 'line 2, column 3'],
    ['a secret as a source', `sources: {"${secret}": {}}`, 'line 1'],
    ['a secret as a reference', `publicUrl: env:${secret}`, 'line 1'],
  ])('TR14: for a file with %s, only line and column are reported', (_what, text, place) => {
    const said = refusalOf(text);
    expect(said).toContain(place);
    // US2: the message names the file.
    expect(said).toMatch(
      /^The configuration file \S+ is (not|no) valid|^The configuration file \S+ has an alias/,
    );
    expect(said).not.toMatch(/canary-client|Canary71/);
  });

  it.each([
    ['sources:\n  gbq:\n    apiEndpont: https://bq.example\n', 'sources.gbq.apiEndpont (line 3, column 5)'],
    ['sources:\n  postgres: { apiEndpoint: https://bq.example }\n', 'sources.postgres.apiEndpoint'],
    ['sources:\n  bgq: {}\n', 'sources.bgq'],
    ['sources:\n  gbq: { apiEndpoint: bq.example }\n', 'sources.gbq.apiEndpoint'],
    ['oauth:\n  clients:\n    gogle: { clientId: a }\n', 'oauth.clients.gogle (line 3, column 5)'],
    ['egres: {}\n', 'egres'],
  ])('TR15: %j is refused by its name', (text, name) => {
    expect(refusalOf(text)).toContain(name);
  });

  it('TR16: runners must be a number or auto, so that an empty variable does not turn them off', () => {
    expect(loadConfig({ runners: '0' }, {}).runners).toBe(0);
    expect(loadConfig({ runners: 'auto' }, {}).runners).toBe('auto');
    for (const runners of ['', ' ', '1e1', '-1', '0x0'])
      expect(() => loadConfig({ runners }, {})).toThrow('--runners must be auto or a whole number.');
  });

  it('TR15: accepts what a manifest offers', () => {
    expect(refusalOf('sources: { gbq: { apiEndpoint: "https://bq.example" }, rest: {} }')).toBe('');
  });

  it('TR15: refuses a misspelt variable, without its value', () => {
    const said = refusalOf('{}', { MOORING_EGRESS: '10.0.0.0/8', MOORING_ADMIN_KEI: secret });
    expect(said).toContain('MOORING_ADMIN_KEI, MOORING_EGRESS');
    expect(said).not.toContain(secret);
  });

  it('TR15: accepts variables of a Kubernetes Service; an address is not a port', () => {
    const services = {
      MOORING_SERVICE_HOST: '10.0.0.9',
      MOORING_SERVICE_PORT: '80',
      MOORING_SERVICE_PORT_HTTP: '80',
      MOORING_PORT_80_TCP: 'tcp://10.0.0.9:80',
      MOORING_PORT_80_TCP_PROTO: 'tcp',
      MOORING_PORT_80_TCP_PORT: '80',
      MOORING_PORT_80_TCP_ADDR: '10.0.0.9',
      MOORING_LAB_SERVICE_HOST: '10.0.0.8',
      MOORING_LAB_PORT: 'tcp://10.0.0.8:81',
    };
    expect(refusalOf('{}', services)).toBe('');
    expect(refusalOf('{}', { MOORING_LAB_PORT: 'tcp://10.0.0.8:81' })).toContain('MOORING_LAB_PORT');
    const said = refusalOf('{}', { ...services, MOORING_PORT: 'tcp://10.0.0.9:80' });
    expect(said).toContain('enableServiceLinks: false');
  });

  it.each([
    ['127.0.0.1', undefined, true],
    ['127.0.0.1', 'http://localhost:9000', true],
    ['::1', 'http://[::1]:9000', true],
    ['127.0.0.1', 'https://mooring.example', false],
    ['127.0.0.1', 'http://127.0.0.1.example', false],
    ['0.0.0.0', undefined, false],
    ['0.0.0.0', 'http://127.0.0.1', false],
  ])(
    'TR11: listening on %s with public URL %s, only this machine reaches it: %s',
    (host, publicUrl, expected) => {
      const flags = { host, ...(publicUrl === undefined ? {} : { publicUrl }) };
      expect(loadConfig(flags, {}).isOfThisMachine).toBe(expected);
    },
  );
});
