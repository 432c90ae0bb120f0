// A throwaway certificate authority, so that TLS modes can be tested without a tool from outside npm and
// without a private key in the repository. Keys and signatures are node:crypto's; only the enclosing
// structure (RFC 5280 section 4.1, in DER) is written here, because no installed library writes it.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with its private key, both PEM. */
export interface IssuedCertificate {
  cert: string;
  key: string;
}

/** An in-memory certificate authority. */
export interface CertificateAuthority {
  /** PEM of the self-signed root. */
  ca: string;
  /**
   * A certificate for these DNS names and IPv4 addresses, for servers and clients; the first is also its common name.
   * @param until its end; default: in ten years
   */
  issue(names: readonly string[], until?: Date): IssuedCertificate;
}

interface Subject {
  commonName: string;
  publicKey: KeyObject;
  until?: Date | undefined;
  extensions: readonly Buffer[];
}

interface Signer {
  commonName: string;
  privateKey: KeyObject;
}

const validForMs = 10 * 365 * 24 * 3600 * 1000;
const startedBeforeMs = 24 * 3600 * 1000;

const tags = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c, time: 0x17 };
const sequence = 0x30;
const set = 0x31;

const oids = {
  ecdsaWithSha256: '06082a8648ce3d040302',
  commonName: '0603550403',
  basicConstraints: '0603551d13',
  subjectAltName: '0603551d11',
};

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const significant = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, content]);
}

function oid(encoded: string): Buffer {
  return Buffer.from(encoded, 'hex');
}

function name(commonName: string): Buffer {
  return der(
    sequence,
    der(set, der(sequence, oid(oids.commonName), der(tags.utf8, Buffer.from(commonName)))),
  );
}

function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(tags.time, Buffer.from(`${digits}Z`));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der(tags.boolean, Buffer.from([0xff]))] : [];
  return der(sequence, oid(id), ...critical, der(tags.octets, value));
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((entry) =>
    isIPv4(entry) ? der(0x87, Buffer.from(entry.split('.').map(Number))) : der(0x82, Buffer.from(entry)),
  );
  return extension(oids.subjectAltName, false, der(sequence, ...entries));
}

function authorityFlag(isAuthority: boolean): Buffer {
  const flag = isAuthority ? [der(tags.boolean, Buffer.from([0xff]))] : [];
  return extension(oids.basicConstraints, true, der(sequence, ...flag));
}

function certificate(subject: Subject, signer: Signer): string {
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = der(sequence, oid(oids.ecdsaWithSha256));
  const body = der(
    sequence,
    der(0xa0, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, serial),
    algorithm,
    name(signer.commonName),
    der(sequence, utcTime(now - startedBeforeMs), utcTime(subject.until?.getTime() ?? now + validForMs)),
    name(subject.commonName),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(sequence, ...subject.extensions)),
  );
  const signature = sign('sha256', body, signer.privateKey);
  const whole = der(sequence, body, algorithm, der(tags.bits, Buffer.from([0]), signature));
  const lines = whole.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/**
 * Makes a root and issues certificates from it (ECDSA P-256 with SHA-256). Nothing is written to disk.
 * @param commonName Name of the root, as certificate viewers show it.
 */
export function createCertificateAuthority(commonName = 'Mooring lab root'): CertificateAuthority {
  const root = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer: Signer = { commonName, privateKey: root.privateKey };
  const rootSubject = { commonName, publicKey: root.publicKey, extensions: [authorityFlag(true)] };
  return {
    ca: certificate(rootSubject, signer),
    issue(names, until) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const subject = {
        commonName: names[0] ?? 'unnamed',
        publicKey: pair.publicKey,
        until,
        extensions: [authorityFlag(false), alternativeNames(names)],
      };
      const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { cert: certificate(subject, signer), key };
    },
  };
}
