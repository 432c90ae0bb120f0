import { type ApiClient, ApiError } from '@mooring/contract/client';
import { listVaultKeys, retireVaultKey, rotateVaultKey } from '@mooring/contract/routes/vault-keys';
import type { Print } from './command.js';

const listed = (api: ApiClient) => api.call(listVaultKeys, {});

function show({ data }: Awaited<ReturnType<typeof listed>>, print: Print): void {
  for (const { id, state, createdAt, records } of data) {
    print(`${id}  ${state.padEnd(8)}  created ${createdAt}  ${records} records`);
  }
}

export async function listKeys(api: ApiClient, print: Print): Promise<void> {
  show(await listed(api), print);
}

export async function rotateKey(api: ApiClient, print: Print): Promise<void> {
  show(await api.call(rotateVaultKey, {}), print);
  print(
    'Existing records are re-encrypted in the background. Retire the previous key when it has 0 records.',
  );
}

export async function retireKey(api: ApiClient, id: string, print: Print): Promise<void> {
  await api.call(retireVaultKey, { params: { id } });
  print(`Key ${id} destroyed.`);
}

const pollMs = 1_000;
/** Re-encryption of a large store takes minutes; a damaged record never completes. */
const shredTimeoutMs = 3_600_000;

/** Rotates, then retires every previous key once it encrypts nothing. Can be interrupted and run again. */
export async function shredKeys(api: ApiClient, print: Print): Promise<void> {
  await api.call(rotateVaultKey, {});
  const until = Date.now() + shredTimeoutMs;
  let last = '';
  for (;;) {
    const { data } = await listed(api);
    const previous = data.filter(({ state }) => state === 'previous');
    if (previous.length === 0) break;
    const progress = `${previous.reduce((sum, { records }) => sum + records, 0)} records to re-encrypt, ${previous.length} keys to destroy`;
    if (progress !== last) print(progress);
    last = progress;
    for (const { id, records } of previous) {
      if (records > 0) continue;
      await api.call(retireVaultKey, { params: { id } }).catch((error: unknown) => {
        // 409: a request may still write under it. 404: another run retired it first.
        if (!(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error;
      });
    }
    if (Date.now() > until)
      throw new Error(
        'After one hour, records are still encrypted under a previous key. Run: mooring keys list',
      );
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  print('All previous keys are destroyed. Older backups cannot be decrypted with the current keyring.');
  print('Make a new backup to the same keyring file, and destroy older copies of that file.');
}
