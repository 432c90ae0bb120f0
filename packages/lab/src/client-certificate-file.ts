import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

function pkcs12(files: Readonly<Record<string, string>>, parameters: string[], passphrase: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-pfx-'));
  try {
    for (const [name, text] of Object.entries(files))
      writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    const all = ['pkcs12', '-export', ...parameters, '-passout', 'stdin'];
    return execFileSync('openssl', all, { cwd: folder, input: passphrase }).toString('base64');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A client certificate as users receive it: a PKCS#12 file in base64, made by `openssl`; a one-line passphrase.
 * @param parameters further ones of `openssl pkcs12`
 */
export const clientCertificateFile = (
  pair: { cert: string; key: string },
  passphrase: string,
  parameters: string[] = [],
): string =>
  pkcs12(
    { 'cert.pem': pair.cert, 'key.pem': pair.key },
    ['-in', 'cert.pem', '-inkey', 'key.pem', ...parameters],
    passphrase,
  );

/**
 * A private key as Google gives those of service accounts: a PKCS#12 file without a certificate, in base64.
 * @param parameters further ones of `openssl pkcs12`: `-legacy` for RC2 and 3DES, `-iter`
 */
export const privateKeyFile = (key: string, passphrase: string, parameters: string[] = []): string =>
  pkcs12({ 'key.pem': key }, ['-nocerts', '-inkey', 'key.pem', ...parameters], passphrase);
