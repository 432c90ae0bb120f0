import { fileSource } from '../../families/files/source.js';
import type { Store } from '../../families/files/store.js';
import { sftpErrors } from '../../families/sftp/errors.js';
import { sftpStore } from '../../families/sftp/store.js';
import type { Context } from '../../interface/session.js';
import type { Connector } from '../../interface/source.js';
import { connectSsh } from '../../kit/ssh/connection.js';
import { hostKeyOf } from '../../kit/ssh/host-key.js';
import type { Input } from './properties.js';

async function openStore({ properties, login }: Input, { network }: Context): Promise<Store> {
  const { host, sftpPort: port, folder = '.', file = {} } = properties;
  const { privateKeyPassphrase: passphrase, ...fields } = login.fields;
  const target = { socket: network.socket({ host, port }), hostKey: hostKeyOf(properties) };
  const connection = await connectSsh(target, { ...fields, passphrase });
  return { ...(await sftpStore(connection, folder)), defaults: file };
}

/** SFTP over `ssh2`. */
export const connector: Connector<Input> = fileSource(openStore, sftpErrors);
