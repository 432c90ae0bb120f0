import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { createPolicy, type EgressSettings, type RefusalReason } from './policy.js';

function buildPolicy(settings: Partial<EgressSettings> = {}) {
  return createPolicy({ allow: [], loopback: 'deny', isOfThisMachine: false, ...settings });
}

const ipv4 = fc.ipV4();
const port = fc.integer({ min: 1, max: 65_535 });

function hex(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(address).octets;
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

describe('egress policy by default', () => {
  const denied: [string, RefusalReason][] = [
    ['10.0.0.1', 'not_public'],
    ['172.16.0.1', 'not_public'],
    ['172.31.255.255', 'not_public'],
    ['192.168.1.1', 'not_public'],
    ['100.64.0.1', 'not_public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'metadata'],
    ['0.1.2.3', 'metadata'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['192.0.0.192', 'metadata'],
    ['192.0.0.1', 'not_public'],
    ['192.0.2.1', 'not_public'],
    ['192.88.99.1', 'not_public'],
    ['198.18.0.1', 'not_public'],
    ['198.19.255.255', 'not_public'],
    ['198.51.100.1', 'not_public'],
    ['203.0.113.1', 'not_public'],
    ['224.0.0.1', 'not_public'],
    ['239.255.255.255', 'not_public'],
    ['240.0.0.1', 'not_public'],
    ['255.255.255.255', 'not_public'],
    ['::', 'metadata'],
    ['::1', 'loopback'],
    ['fe80::1', 'metadata'],
    ['febf::1', 'metadata'],
    ['fec0::1', 'not_public'],
    ['fc00::1', 'not_public'],
    ['fd12:3456::1', 'not_public'],
    ['fd00:ec2::254', 'metadata'],
    ['fd20:ce::254', 'metadata'],
    ['ff02::1', 'not_public'],
    ['100::1', 'not_public'],
    ['2001:db8::1', 'not_public'],
    ['3fff::1', 'not_public'],
    ['2001:2::1', 'not_public'],
    ['2001:10::1', 'not_public'],
    ['5f00::1', 'not_public'],
    ['4000::1', 'not_public'],
    ['::ffff:127.0.0.1', 'not_public'],
    ['::ffff:7f00:1', 'not_public'],
    ['::ffff:10.0.0.1', 'not_public'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['::ffff:0:127.0.0.1', 'not_public'],
    ['::127.0.0.1', 'not_public'],
    ['::169.254.169.254', 'metadata'],
    ['64:ff9b::7f00:1', 'not_public'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['64:ff9b:1::a9fe:a9fe', 'metadata'],
    ['64:ff9b:1:a9fe:a9:fe00::', 'metadata'],
    ['64:ff9b:1::808:808', 'not_public'],
    ['2002:7f00:1::', 'not_public'],
    ['2002:a9fe:a9fe::', 'metadata'],
    ['2002:a00:1::1', 'not_public'],
    ['2001:0:a00:1::', 'not_public'],
    ['2001:0:808:808:0:0:80ff:fffe', 'not_public'],
    ['2001:0:808:808:0:0:5601:5601', 'metadata'],
    ['2606:4700::5efe:127.0.0.1', 'not_public'],
    ['2606:4700::200:5efe:169.254.169.254', 'metadata'],
  ];
  it.each(denied)('denies %s as %s', (address, reason) => {
    expect(buildPolicy().refusalOf(address, 443)).toBe(reason);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '11.0.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4001:80b::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
    '2001:0:808:808:0:0:f7f7:f7f7',
  ])('lets the public address %s through', (address) => {
    expect(buildPolicy().isAllowed(address, 443)).toBe(true);
  });

  it.each(['', 'localhost', '127.1', '0177.0.0.1', 'fe80::1%eth0', '2606:4700::1%1', '1.1.1.1:443'])(
    'denies %j, which is not a plain address',
    (text) => {
      expect(buildPolicy({ loopback: 'allow' }).refusalOf(text, 443)).toBe('invalid_host');
    },
  );

  it.each([0, -1, 65_536, 1.5, Number.NaN])('denies the port %d', (number) => {
    expect(buildPolicy().refusalOf('1.1.1.1', number)).toBe('invalid_port');
  });

  it.each([1, 65_535])('allows the port %d', (number) => {
    expect(buildPolicy().isAllowed('1.1.1.1', number)).toBe(true);
  });

  it('denies every IPv6 form that wraps a denied IPv4 address, even where loopback is open', () => {
    const policy = buildPolicy({ loopback: 'allow' });
    const strict = buildPolicy();
    fc.assert(
      fc.property(ipv4, port, (address, number) => {
        fc.pre(!strict.isAllowed(address, number));
        const embedded = hex(address);
        const forms = [
          `::ffff:${address}`,
          `::ffff:0:${embedded}`,
          `64:ff9b::${embedded}`,
          `2002:${embedded}::1`,
        ];
        for (const form of forms) expect(policy.isAllowed(form, number)).toBe(false);
      }),
      {
        examples: [
          ['127.0.0.1', 80],
          ['10.0.0.1', 5432],
          ['169.254.169.254', 80],
          ['0.0.0.0', 80],
        ],
      },
    );
  });

  it('judges every spelling of an IPv6 address alike', () => {
    const policy = buildPolicy();
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const parsed = ipaddr.IPv6.parse(text);
        expect(policy.refusalOf(parsed.toNormalizedString(), 443)).toBe(policy.refusalOf(text, 443));
        expect(policy.refusalOf(parsed.toRFC5952String(), 443)).toBe(policy.refusalOf(text, 443));
      }),
    );
  });
});

describe('loopback', () => {
  it.each([
    ['allow', false, true],
    ['allow', true, true],
    ['auto', true, true],
    ['auto', false, false],
    ['deny', true, false],
  ] as const)(
    'in mode %s with the server on loopback %s is open: %s',
    (loopback, isOfThisMachine, isOpen) => {
      const policy = buildPolicy({ loopback, isOfThisMachine });
      expect(policy.isAllowed('127.0.0.1', 9201)).toBe(isOpen);
      expect(policy.isAllowed('127.8.8.8', 9201)).toBe(isOpen);
      expect(policy.isAllowed('::1', 9201)).toBe(isOpen);
      expect(policy.isAllowed('::ffff:127.0.0.1', 9201)).toBe(false);
      expect(policy.isAllowed('0.0.0.0', 9201)).toBe(false);
    },
  );
});

describe('egress.allow', () => {
  it.each([
    ['10.0.0.0/8', '10.9.8.7', 1, true],
    ['10.0.0.0/8', '11.0.0.1:1', 1, false],
    ['127.0.0.1:9201', '127.0.0.1', 9201, true],
    ['127.0.0.1:9201', '127.0.0.1', 9202, false],
    ['127.0.0.1:9201', '127.0.0.2', 9201, false],
    ['127.0.0.1:9201', '::ffff:127.0.0.1', 9201, false],
    ['192.0.2.0/24:5432', '192.0.2.77', 5432, true],
    ['192.0.2.0/24:5432', '192.0.2.77', 5433, false],
    ['192.168.7.7', '192.168.7.7', 22, true],
    ['192.168.7.7', '192.168.7.8', 22, false],
    ['::1', '::1', 443, true],
    ['[::1]:443', '::1', 443, true],
    ['[::1]:443', '::1', 444, false],
    ['fd12::/16', 'fd12:1::1', 9, true],
    ['fd12::/16:443', 'fd12:1::1', 443, true],
    ['fd12::/16:443', 'fd12:1::1', 9, false],
    ['[fd12::]/16:443', 'fd12:1::1', 443, true],
    ['[fd12::/16]:443', 'fd12:1::1', 444, false],
    ['64:ff9b::/96', '64:ff9b::10.0.0.1', 443, true],
    [' 10.0.0.1 ', '10.0.0.1', 443, true],
    ['0.0.0.0/0', '127.0.0.1', 443, true],
  ] as const)('%s opens %s port %d: %s', (entry, address, number, isOpen) => {
    expect(buildPolicy({ allow: [entry] }).isAllowed(address, number)).toBe(isOpen);
  });

  it.each([
    '169.254.169.254',
    '169.254.1.1',
    'fe80::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '100.100.100.200',
    '168.63.129.16',
    '::ffff:169.254.169.254',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::',
    '0.0.0.0',
    '::',
  ])('S02: never opens %s', (address) => {
    const allow = ['0.0.0.0/0', '::/0', address.includes(':') ? `[${address}]:80` : `${address}:80`];
    expect(buildPolicy({ allow, loopback: 'allow' }).refusalOf(address, 80)).toBe('metadata');
  });

  it.each([
    '',
    'db.example.com',
    'localhost:5432',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.1.2.3/8',
    'fd12::1/16',
    '10.0.0/8',
    '010.0.0.1',
    '127.1',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '10.0.0.1:http',
    '::1:99999/128',
    '[::1',
    '[::1]:',
    '[10.0.0.1]x',
    '[fd12::/16]/16',
    'fe80::1%eth0',
    '*',
    'http://10.0.0.1',
  ])('refuses the entry %j by name', (entry) => {
    expect(() => buildPolicy({ allow: ['10.0.0.0/8', entry] })).toThrow(`entry "${entry}"`);
  });
});
