import { type ApiClient, ApiError, createApiClient } from '@mooring/contract/client';
import { listVaultKeys, retireVaultKey, rotateVaultKey } from '@mooring/contract/routes/vault-keys';

export interface KeysFlags {
  url: string;
  apiKey: string;
}

type Print = (line: string) => void;

const connect = ({ url, apiKey }: KeysFlags): ApiClient => createApiClient({ url, token: apiKey });

function show({ data }: Awaited<ReturnType<typeof listed>>, print: Print): void {
  for (const { id, state, createdAt, records } of data) {
    print(`${id}  ${state.padEnd(8)}  made ${createdAt}  ${records} records`);
  }
}

const listed = (api: ApiClient) => api.call(listVaultKeys, {});

export async function listKeys(flags: KeysFlags, print: Print): Promise<void> {
  show(await listed(connect(flags)), print);
}

export async function rotateKey(flags: KeysFlags, print: Print): Promise<void> {
  show(await connect(flags).call(rotateVaultKey, {}), print);
  print('Records follow in the background. Retire the previous key when it has 0 records.');
}

export async function retireKey(flags: KeysFlags & { id: string }, print: Print): Promise<void> {
  await connect(flags).call(retireVaultKey, { params: { id: flags.id } });
  print(`The key ${flags.id} is destroyed.`);
}

const lookMs = 1_000;
/** Records of a large store need minutes to follow; a damaged one never does. */
const shredMs = 3_600_000;

/** Destroys every key but a new one, as soon as nothing is under them. Can be cut short and begun again. */
export async function shredKeys(flags: KeysFlags, print: Print): Promise<void> {
  const api = connect(flags);
  await api.call(rotateVaultKey, {});
  const until = Date.now() + shredMs;
  let last = '';
  for (;;) {
    const { data } = await listed(api);
    const previous = data.filter(({ state }) => state === 'previous');
    if (previous.length === 0) break;
    const progress = `${previous.reduce((sum, { records }) => sum + records, 0)} records to follow, ${previous.length} keys to destroy`;
    if (progress !== last) print(progress);
    last = progress;
    for (const { id, records } of previous) {
      if (records > 0) continue;
      await api.call(retireVaultKey, { params: { id } }).catch((error: unknown) => {
        // 409 while a request may still write under it; 404 when another run was first.
        if (!(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error;
      });
    }
    if (Date.now() > until) throw new Error('Records stay under a previous key. Look at: mooring keys list');
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  print('All previous keys are destroyed: archives from before do not open with the keys of now.');
  print('Back up again, onto the same keyring file, and destroy older copies of that file.');
}
