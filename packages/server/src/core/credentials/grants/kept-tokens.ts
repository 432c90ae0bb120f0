import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { SealContext, Sealed, Vault } from '../../vault/envelope.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { StoredGrant } from './grant-state.js';
import { hiddenConfiguration, hiddenGrant, type Plain } from './hidden-grant.js';
import type { RevokedCredential } from './revocation-queue.js';

// Refreshed tokens that the store cannot take yet. They may be the only copy of a rotated refresh token, so they are kept
// sealed in the data folder until it can; the next start of this folder finds them.

export interface KeptGrant {
  credential: RevokedCredential;
  /** Of the grant they were made from: its version and time of issue. */
  version: number;
  formerIssuedAt: number;
  grant: StoredGrant;
  /** For the revocation, if the credential is gone. The name is part of the file format. */
  setup: ClientConfiguration;
}

type KeptRef = Pick<KeptGrant, 'credential' | 'version'>;

interface KeptFile {
  /** The context that the sealed value is bound to. */
  context: SealContext;
  sealed: Sealed;
}

const contextOf = ({ credential, version }: KeptRef): SealContext => ({
  tenantId: credential.tenant_id,
  recordKind: 'kept-tokens',
  recordId: credential.id,
  ownerId: credential.owner_id,
  version,
  field: 'grant',
});

/** Without it a crash of the machine may lose the directory entry of a written file, and the tokens with it. */
async function flushFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

export type KeptTokens = ReturnType<typeof createKeptTokens>;

/** @param vault of this node alone: the store's vault cannot seal while the store cannot tell which key is active */
export function createKeptTokens(dataFolder: string, vault: Vault) {
  const folder = path.join(dataFolder, 'kept-tokens');
  const fileOf = ({ credential, version }: KeptRef) => path.join(folder, `${credential.id}.${version}.json`);

  const read = async (name: string): Promise<KeptGrant> => {
    const { context, sealed } = JSON.parse(await readFile(path.join(folder, name), 'utf8')) as KeptFile;
    const { grant, setup, ...kept } = vault.open(sealed, context).reveal() as Plain<KeptGrant>;
    return { ...kept, grant: hiddenGrant(grant), setup: hiddenConfiguration(setup) };
  };

  return {
    async keep(kept: KeptGrant): Promise<void> {
      const context = contextOf(kept);
      const sealed = vault.seal(kept, context);
      const file = fileOf(kept);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const made = await open(`${file}.new`, 'w', 0o600);
      try {
        await made.writeFile(JSON.stringify({ context, sealed } satisfies KeptFile));
        await made.sync();
      } finally {
        await made.close();
      }
      await rename(`${file}.new`, file);
      await flushFolder(folder);
      await flushFolder(dataFolder);
    },

    drop: (kept: KeptRef) => rm(fileOf(kept), { force: true }),

    /** @param onUnreadable called for each file that cannot be opened */
    async all(onUnreadable: (file: string, error: unknown) => void): Promise<KeptGrant[]> {
      const names = await readdir(folder).catch(() => []);
      const found: KeptGrant[] = [];
      for (const name of names.filter((each) => each.endsWith('.json'))) {
        try {
          found.push(await read(name));
        } catch (error) {
          onUnreadable(name, error);
        }
      }
      return found;
    },
  };
}
