import { createSecureContext } from 'node:tls';

/**
 * What is wrong with a client certificate that TLS is to sign in with; undefined when nothing is.
 * @param file PKCS#12 as base64
 */
export function clientCertificateProblem(file: string, passphrase: string | undefined): string | undefined {
  const pfx = Buffer.from(file, 'base64');
  try {
    createSecureContext(passphrase === undefined ? { pfx } : { pfx, passphrase });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (/mac verify|password/i.test(message)) return 'does not open with the password that is given';
    return /unsupported/i.test(message)
      ? 'is encrypted in a way that is no longer supported: export it anew (openssl pkcs12 -export)'
      : 'is no PKCS#12 file with certificate and key, as base64';
  }
}
