import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHost } from './host.js';
import { isPlainLoopback } from './plain-loopback.js';

describe('parseHost', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['8.8.8.8', '8.8.8.8'],
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::ffff:127.0.0.1', '::ffff:7f00:1'],
  ])('reads %s as the address %s', (text, address) => {
    expect(parseHost(text)).toEqual({ kind: 'address', address });
  });

  it.each([
    ['db.example.com', 'db.example.com'],
    ['DB.Example.COM', 'db.example.com'],
    ['db.example.com.', 'db.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['my_container', 'my_container'],
    ['postgres', 'postgres'],
    ['1-2.3com', '1-2.3com'],
    ['127.0.0.1.nip.io', '127.0.0.1.nip.io'],
    ['a', 'a'],
    ['example.0xg', 'example.0xg'],
    ['10.example', '10.example'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
    [`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
    ['notlocalhost', 'notlocalhost'],
    ['xmetadata', 'xmetadata'],
  ])('reads %s as the name %s', (text, name) => {
    expect(parseHost(text)).toEqual({ kind: 'name', name });
  });

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'db.localhost', 'ⓛocalhost'])(
    'keeps %s away from DNS',
    (text) => {
      expect(parseHost(text).kind).toBe('loopback');
    },
  );

  it.each([
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '1.2.3.4.5',
    'example.0x1',
    '１２７.0.0.1',
    '127。0。0。1',
    '',
    '.',
    '..',
    'a..b',
    'db.example.com..',
    'user@host',
    'host:80',
    'host/path',
    'host\\path',
    'a b',
    'a\u0000b',
    '%00',
    'a%2eb',
    'fe80::1%eth0',
    '[fe80::1%25eth0]',
    '[127.0.0.1]',
    '[localhost]',
    '[::1',
    '/var/run/postgresql',
    '@abstract',
    '%2Fvar%2Frun',
    '-a.example',
    'a\r\nb',
    'a-.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(126)}aa`,
    `${'a.'.repeat(127)}aa`,
  ])('S01: refuses %j, which others may read differently', (text) => {
    expect(parseHost(text)).toEqual({ kind: 'refused', reason: 'invalid_host' });
  });

  it.each([
    'metadata.google.internal',
    'METADATA.GOOGLE.INTERNAL.',
    'x.metadata.google.internal',
    'metadata',
    'instance-data',
  ])('S02: refuses the metadata name %s', (text) => {
    expect(parseHost(text)).toEqual({ kind: 'refused', reason: 'metadata' });
  });

  it('returns only addresses, or names that no parser takes for an address', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webAuthority(), fc.ipV4Extended(), fc.ipV6(), fc.domain()),
        (text) => {
          const host = parseHost(text);
          if (host.kind === 'address') expect(isIP(host.address)).not.toBe(0);
          if (host.kind === 'name') {
            expect(isIP(host.name)).toBe(0);
            expect(new URL(`http://${host.name}/`).hostname).toBe(host.name);
          }
        },
      ),
    );
  });
});

it('plain http is for this machine only', () => {
  for (const url of ['http://127.0.0.1:1/a', 'http://127.9.9.9', 'http://[::1]:1', 'http://localhost'])
    expect(isPlainLoopback(url), url).toBe(true);
  expect(isPlainLoopback('http://a.localhost/')).toBe(true);
  for (const host of ['128.0.0.1', '[::2]', '[::ffff:127.0.0.1]', 'notlocalhost', 'localhost.example', 'a']) {
    expect(isPlainLoopback(`http://${host}/`), host).toBe(false);
  }
  for (const url of ['https://127.0.0.1/', 'ftp://127.0.0.1/', '127.0.0.1', ''])
    expect(isPlainLoopback(url), url).toBe(false);
});
