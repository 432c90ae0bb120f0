import {
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { NetworkRequest } from '@mooring/connectors/interface/network';

/** What a connection adds to TLS: authorities to trust, and the certificate it shows of itself. */
export type TlsSettings = Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>;

export type TlsContexts = ReturnType<typeof createTlsContexts>;

const CACHED_CONTEXTS_MAX = 32;

/**
 * Contexts by trusted authorities. Reading the system's authorities again beside a connection's own takes 20 ms, so
 * the latest are kept; contexts that hold a client's key never are.
 */
export function createTlsContexts() {
  const byAuthorities = new Map<string, SecureContext>();

  return {
    /** @throws ConnectorError `invalid_config` for certificates or keys that cannot be read. */
    contextOf(settings: TlsSettings): SecureContext {
      if (settings.clientCertificate !== undefined) return build(settings);
      const key = settings.ca ?? '';
      const context = byAuthorities.get(key) ?? build(settings);
      byAuthorities.delete(key);
      byAuthorities.set(key, context);
      const oldest = byAuthorities.keys().next().value;
      if (byAuthorities.size > CACHED_CONTEXTS_MAX && oldest !== undefined) byAuthorities.delete(oldest);
      return context;
    },
  };
}

function build({ ca, clientCertificate }: TlsSettings): SecureContext {
  // Node takes text without any certificate for an empty list, which would hide the mistake.
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw unreadable('trusted certificates');
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      ...ownCertificate(clientCertificate),
    });
  } catch (error) {
    throw unreadable(clientCertificate === undefined ? 'trusted certificates' : 'client certificate', error);
  }
}

function ownCertificate(certificate: TlsSettings['clientCertificate']): SecureContextOptions {
  if (certificate === undefined) return {};
  if ('cert' in certificate) return { cert: certificate.cert, key: certificate.key };
  const { pfx, passphrase } = certificate;
  return { pfx: Buffer.from(pfx), ...(passphrase === undefined ? {} : { passphrase }) };
}

function unreadable(what: string, cause?: unknown): ConnectorError {
  return new ConnectorError('invalid_config', `The ${what} of the connection cannot be read.`, {
    remedy: 'Give certificates and keys as PEM text, or a PKCS#12 file with its passphrase.',
    cause,
  });
}
