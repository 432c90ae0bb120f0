import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabSsh, LabSshKey } from '@mooring/lab/ssh';
import { parquetWriteBuffer } from 'hyparquet-writer';

export const fieldsOf = ({ privateKey, passphrase }: LabSshKey) => ({
  privateKey: [{ name: 'id', value: privateKey }],
  ...(passphrase === undefined ? {} : { privateKeyPassphrase: passphrase }),
});

export const definitionFor = ({ host, port, hostKeys }: LabSsh) => ({
  host,
  sftpPort: port,
  publicKeyFingerprint: hostKeys.ed25519.sha256,
});

export const oddNames = [
  'späße & 大阪 😀.csv',
  'with space.csv',
  '-rf.csv',
  '~.csv',
  'back\\slash.csv',
  'new\nline.csv',
  '$(id).csv',
];

/** Numbers, in more pieces than are under way at once. */
export const bigRows = 150_000;

export async function fill({ home }: LabSsh): Promise<void> {
  const at = (name: string) => join(home, name);
  await mkdir(at('data'));
  await writeFile(
    at('data/orders.csv'),
    `id,name\n${Array.from({ length: 9 }, (_, index) => `${index},n${index}\n`).join('')}`,
  );
  await utimes(at('data/orders.csv'), 1_700_000_000, 1_700_000_000);
  const column = (name: string, data: unknown[], type: 'INT32' | 'STRING') => ({ name, data, type });
  const numbers = Array.from({ length: 40_000 }, (_, index) => index);
  const parquet = parquetWriteBuffer({
    columnData: [
      column('id', numbers, 'INT32'),
      column(
        'text',
        numbers.map((number) => `text ${number}`),
        'STRING',
      ),
    ],
    rowGroupSize: 10_000,
  } as never);
  await writeFile(at('data/numbers.parquet'), Buffer.from(parquet));
  await writeFile(at('data/big.csv'), `id\n${numbersFrom(bigRows)}`);
  await writeFile(
    at('data/slow.csv'),
    Buffer.concat([Buffer.from('id,name\n'), Buffer.alloc(64 * 1_048_576, '1,one\n')]),
  );
  await mkdir(at('odd'));
  for (const name of oddNames) await writeFile(at(`odd/${name}`), 'id,name\n1,a\n');
  await mkdir(at('links'));
  await symlink('../data', at('links/folder'));
  await symlink('../data/orders.csv', at('links/linked.csv'));
  await symlink('nowhere', at('links/dangling.csv'));
  await symlink('circle.csv', at('links/circle.csv'));
  execFileSync('mkfifo', [at('links/pipe.csv')]);
  await mkdir(at('many'));
  for (let index = 0; index < 250; index += 1)
    await writeFile(at(`many/${String(index).padStart(3, '0')}.csv`), 'a\n1\n');
  await mkdir(at('shut'));
  await writeFile(at('shut/secret.csv'), 'id\n1\n');
  await chmod(at('shut/secret.csv'), 0o600);
}

const numbersFrom = (count: number) => Array.from({ length: count }, (_, index) => `${index}\n`).join('');
