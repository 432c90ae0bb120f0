import { describe, expect, it } from 'vitest';
import { hideAll } from '../../kit/secret-fields.js';
import { s3Options } from './client-options.js';
import { resolvePath } from './paths.js';
import { type S3Input, s3Properties } from './properties.js';
import { s3Source } from './source.js';

const keys = { accessKey: 'AKIAEXAMPLE', secretKey: 'secret' };
const parsed = (properties: Record<string, unknown>) => ({
  properties: s3Properties.parse(properties),
  login: { method: 'access-key', fields: hideAll(keys) } as S3Input['login'],
});
const isAccepted = (properties: Record<string, unknown>) => s3Properties.safeParse(properties).success;

describe('S3 properties', () => {
  it('become the options of the client', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const files = [{ name: 'ca.pem', value: pem }];
    expect(
      s3Options(parsed({ endpoint: 'https://s3.example.com/', bucketName: 'b1c', rootCertificates: files })),
    ).toEqual({
      region: 'us-east-1',
      endpoint: 'https://s3.example.com',
      pathStyle: true,
      bucket: 'b1c',
      ca: pem,
      credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
      file: {},
    });
    expect(s3Options(parsed({ region: 'eu-west-1' })).pathStyle).toBe(false);
    expect(s3Options(parsed({ endpoint: 'http://h:1', pathStyle: false })).pathStyle).toBe(false);
    expect(s3Options(parsed({ file: { delimiter: ';' } })).file).toEqual({ delimiter: ';' });
  });

  it('S07 S14: take as endpoint an http or https origin and nothing else', () => {
    for (const endpoint of ['https://s3.example.com', 'http://127.0.0.1:9000/', 'http://[::1]:9000']) {
      expect(isAccepted({ endpoint }), endpoint).toBe(true);
    }
    const refused = [
      'ftp://h',
      'file:///etc/passwd',
      'unix:/run/x',
      'https://user:pw@h',
      'https://user@h',
      'https://h/path',
      'https://h?x=1',
      'https://h#x',
      'https:h',
      '//h',
      'h:9000',
      'https://h\\@evil',
      'https://h\r\nX-Evil: 1',
      'https://',
      '',
    ];
    for (const endpoint of refused) expect(isAccepted({ endpoint }), endpoint).toBe(false);
  });

  it('D01 D03 D08: refuse unknown properties, delimiters in names and paths instead of certificates', () => {
    for (const properties of [
      { profile: 'default' },
      { Endpoint: 'https://h' },
      { bucketName: 'arn:aws:s3:::x' },
      { bucketName: 'a/b' },
      { bucketName: '..' },
      { region: 'us-east-1.evil.example' },
      { region: 'us-east-1/x' },
      { rootCertificates: '/etc/ssl/ca.pem' },
      { rootCertificates: [{ name: 'ca', value: '/etc/ssl/ca.pem' }] },
    ]) {
      expect(isAccepted(properties), JSON.stringify(properties)).toBe(false);
    }
  });

  it('name the target that a test probes', () => {
    const endpoint = (properties: Record<string, unknown>) =>
      s3Source.endpoints(s3Properties.parse(properties))[0];
    const aws = { role: 'data', host: 's3.us-east-1.amazonaws.com', port: 443, security: 'tls', trust: {} };
    expect(endpoint({})).toEqual(aws);
    expect(endpoint({ region: 'cn-north-1' })?.host).toBe('s3.cn-north-1.amazonaws.com.cn');
    expect(endpoint({ endpoint: 'http://[::1]:9000' })).toEqual({
      role: 'data',
      host: '::1',
      port: 9000,
      security: 'none',
    });
    expect(endpoint({ region: 'x', endpoint: 'https://h' })).toEqual({ ...aws, host: 'h' });
  });
});

describe('S3 paths', () => {
  it('join to a key, with the slash of a folder supplied where it is missing', () => {
    expect(resolvePath(['bucket', 'a/', 'b.csv'], undefined)).toEqual({ bucket: 'bucket', key: 'a/b.csv' });
    expect(resolvePath(['bucket', 'a', 'b.csv'], undefined)).toEqual({ bucket: 'bucket', key: 'a/b.csv' });
    expect(resolvePath(['a/', '/', 'b.csv'], 'bucket')).toEqual({ bucket: 'bucket', key: 'a//b.csv' });
    expect(resolvePath([], 'bucket')).toEqual({ bucket: 'bucket', key: '' });
    expect(resolvePath([], undefined)).toBeUndefined();
  });

  it('S08: with dot segments, empty segments or more than a kilobyte are refused', () => {
    for (const path of [['..'], ['a/', '../', 'b'], ['a/./b'], ['a/..'], [''], ['x'.repeat(1025)]]) {
      expect(() => resolvePath(path, 'bucket'), JSON.stringify(path)).toThrow(/path/);
    }
  });
});
