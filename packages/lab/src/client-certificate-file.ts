import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A client certificate as people get it: a PKCS#12 file, in base64. Made by `openssl`; the passphrase is one line. */
export function clientCertificateFile(pair: { cert: string; key: string }, passphrase: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-pfx-'));
  try {
    writeFileSync(path.join(folder, 'cert.pem'), pair.cert);
    writeFileSync(path.join(folder, 'key.pem'), pair.key, { mode: 0o600 });
    const parameters = ['pkcs12', '-export', '-in', 'cert.pem', '-inkey', 'key.pem', '-passout', 'stdin'];
    return execFileSync('openssl', parameters, { cwd: folder, input: passphrase }).toString('base64');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
