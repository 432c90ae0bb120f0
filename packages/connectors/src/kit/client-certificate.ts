import { createSecureContext } from 'node:tls';

/**
 * The problem with a TLS client certificate, or undefined.
 * @param file PKCS#12 as base64
 */
export function clientCertificateProblem(file: string, passphrase: string | undefined): string | undefined {
  const pfx = Buffer.from(file, 'base64');
  try {
    createSecureContext(passphrase === undefined ? { pfx } : { pfx, passphrase });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (/mac verify|password/i.test(message)) return 'cannot be opened with the given password';
    return /unsupported/i.test(message)
      ? 'uses encryption that is no longer supported: export it again (openssl pkcs12 -export)'
      : 'is not a base64-encoded PKCS#12 file with certificate and key';
  }
}
