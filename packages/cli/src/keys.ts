import { type ApiClient, createApiClient } from '@mooring/contract/client';
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
