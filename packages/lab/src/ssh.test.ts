import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startSsh } from './ssh.js';

const run = promisify(execFile);

describe('the lab’s OpenSSH', () => {
  it('serves users that the system does not have, and leaves nothing behind', async () => {
    const before = await readFile('/etc/passwd', 'utf8');
    const lab = await startSsh();
    const scanned = await run('ssh-keyscan', ['-t', 'ed25519', '-p', String(lab.port), lab.host]);
    expect(scanned.stdout).toContain(lab.hostKeys.ed25519.line);
    expect(existsSync(lab.home)).toBe(true);
    await lab.close();
    await lab.close();
    expect(existsSync(dirname(dirname(lab.home)))).toBe(false);
    expect(await readFile('/etc/passwd', 'utf8')).toBe(before);
  });
});
