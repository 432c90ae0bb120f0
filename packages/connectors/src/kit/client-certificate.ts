// TLS client certificates as a way of signing in, the same for every source: which properties hold them, what can be said
// of them when they are entered, and what a driver gets.
import { X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { z } from 'zod';
import { ConnectorError } from '../interface/errors.js';
import { type InlineFiles, inlineFilesSchema, line, property, secret } from '../interface/fields.js';
import type { Values } from '../interface/login.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { revealed, type Secret } from '../interface/secret.js';
import { derivationRounds } from './key-derivation.js';
import { openPrivateKey } from './private-key.js';

/** A definition property, under Qlik's name. @param schema of a boolean, with the source's default */
export const mutualTlsProperty = <Schema extends z.ZodType>(schema: Schema): Schema =>
  property(schema, {
    title: 'Client certificate',
    description: 'Authenticate with the client certificate of the credential (mutual TLS).',
  });

/** Credential properties, under Qlik's names. */
export const clientCertificateFields = {
  mutualPfxCertificateFiles: secret(inlineFilesSchema.min(1), {
    title: 'Client certificate file',
    description:
      'PKCS#12 file with certificate and key, as base64; or certificate and private key in PEM, in one file or two.',
  }).optional(),
  mutualPfxCertificateKey: secret(line(16_384), {
    title: 'Client certificate password',
    description: 'Password of the PKCS#12 file or of the private key.',
  }).optional(),
};

/** The properties above as a connector receives them. */
export interface ClientCertificate {
  mutualPfxCertificateFiles?: Secret<InlineFiles> | undefined;
  mutualPfxCertificateKey?: Secret<string> | undefined;
}

/** Options of Node's TLS. */
export type CertificateOptions =
  | { cert: string; key: string }
  | { pfx: Buffer<ArrayBuffer>; passphrase?: string };

/** Tools use 1 to 10,000 for each part of a file; this much takes a tenth of a second. */
const pfxRoundsMax = 300_000;
const begin = '-----BEGIN ';
const pemCertificate = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

type Opened = CertificateOptions | { problem: string };

/** The text of a private key. @returns undefined for none or several */
function keyIn(pem: string): string | undefined {
  const [first, ...others] = [...pem.matchAll(/-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----/g)];
  if (first === undefined || others.length > 0) return undefined;
  const ending = '-----END ';
  const end = pem.indexOf(ending, first.index);
  const close = end < 0 ? -1 : pem.indexOf('-----', end + ending.length);
  return close < 0 ? undefined : `${pem.slice(first.index, close + 5)}\n`;
}

function openPem(pem: string, password: string | undefined): Opened {
  const certificates = pem.match(pemCertificate) ?? [];
  const keyText = keyIn(pem);
  if (certificates.length === 0 || keyText === undefined)
    return { problem: 'needs a certificate and one private key, both in PEM, in one file or two' };
  const opened = openPrivateKey(keyText, password);
  if ('problem' in opened) return { problem: `has a private key that ${opened.problem}` };
  try {
    if (!new X509Certificate(certificates[0] ?? '').checkPrivateKey(opened.key))
      return { problem: 'has a private key that is not the one of its certificate, which comes first' };
  } catch {
    return { problem: 'has a certificate that cannot be read' };
  }
  const key = opened.key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: `${certificates.join('\n')}\n`, key };
}

function openPfx(pfx: Buffer<ArrayBuffer>, password: string | undefined): Opened {
  const isDer = pfx[0] === 0x30;
  if (isDer && derivationRounds(pfx) > pfxRoundsMax)
    return { problem: 'takes too much work to open: export it again (openssl pkcs12 -export)' };
  return password === undefined ? { pfx } : { pfx, passphrase: password };
}

/** What OpenSSL says of it. */
function usable(options: CertificateOptions): Opened {
  try {
    createSecureContext(options);
    return options;
  } catch (error) {
    const { message } = error as Error;
    if (/mac verify|password/i.test(message)) return { problem: 'cannot be opened with the given password' };
    if (/unsupported/i.test(message))
      return {
        problem: 'uses encryption that is no longer supported: export it again (openssl pkcs12 -export)',
      };
    return 'pfx' in options
      ? { problem: 'is not a PKCS#12 file as base64, nor PEM, with certificate and key' }
      : { problem: 'has a certificate or key that TLS does not accept' };
  }
}

/** @param files the certificate, or base64 of it */
function open(files: InlineFiles, password: string | undefined): Opened {
  const decoded = files.map(({ value }) => Buffer.from(value, 'base64'));
  const texts = files.map(({ value }, index) =>
    value.includes(begin) ? value : (decoded[index]?.toString('latin1') ?? ''),
  );
  const isPem = texts.some((text) => text.includes(begin));
  const given = password === '' ? undefined : password;
  const opened = isPem ? openPem(texts.join('\n'), given) : openPfx(decoded[0] ?? Buffer.alloc(0), given);
  return 'problem' in opened ? opened : usable(opened);
}

const filesOf = (login: Values) => revealed(login['mutualPfxCertificateFiles']) as InlineFiles | undefined;
const passwordOf = (login: Values) => revealed(login['mutualPfxCertificateKey']) as string | undefined;

/**
 * A certificate that TLS cannot use. It is refused when it is entered; later, the source would be blamed.
 * @param onlyPem for drivers that take no PKCS#12
 */
export function certificateConflicts(login: Values, { onlyPem = false } = {}): PropertyProblem[] {
  const files = filesOf(login);
  if (files === undefined) return [];
  const opened = open(files, passwordOf(login));
  const message =
    'problem' in opened
      ? opened.problem
      : onlyPem && 'pfx' in opened
        ? 'is a PKCS#12 file, which this source does not take: provide PEM (openssl pkcs12 -in FILE -nodes)'
        : undefined;
  return message === undefined ? [] : [{ property: 'mutualPfxCertificateFiles', message }];
}

/**
 * What the driver gets.
 * @throws ConnectorError `auth_failed` for a certificate that is missing, or that cannot be used
 */
export function certificateOptions(login: ClientCertificate): CertificateOptions {
  const files = login.mutualPfxCertificateFiles?.reveal() ?? [];
  const opened = open(files, login.mutualPfxCertificateKey?.reveal());
  if (!('problem' in opened)) return opened;
  const isGiven = files.some(({ value }) => value !== '');
  throw new ConnectorError(
    'auth_failed',
    isGiven
      ? 'The client certificate of the credential cannot be used.'
      : 'The credential has no client certificate.',
    { remedy: 'Provide a credential with mutualPfxCertificateFiles, and its password if it has one.' },
  );
}

/** A stream that leads nowhere. */
const nowhere = () => new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });

/** The certificate itself. @returns undefined if Node cannot tell */
export function certificateIn(options: CertificateOptions): X509Certificate | undefined {
  if ('cert' in options) return new X509Certificate(options.cert);
  const socket = new TLSSocket(nowhere(), { secureContext: createSecureContext(options) });
  socket.on('error', () => undefined);
  const certificate = socket.getX509Certificate();
  socket.destroy();
  return certificate;
}
