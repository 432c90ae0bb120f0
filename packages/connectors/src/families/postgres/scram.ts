// SCRAM with the password as typed. The driver always applies SASLprep; a server that cannot (a character is
// prohibited, or was unassigned in Unicode 3.2) has stored the raw password, and libpq sends it raw. Sources: RFC 5802;
// RFC 4013; PostgreSQL's `pg_saslprep` and `scram_init`.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type pg from 'pg';

/** What the driver does to a password, in `pg/lib/crypto/sasl.js`. */
export function isPreparedAsTyped(password: string): boolean {
  const spaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
  const nothing = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;
  return password.replace(spaces, ' ').replace(nothing, '').normalize('NFKC') === password;
}

/** Members of the driver's objects that its typings omit. */
interface ScramClient {
  connection: {
    on(event: 'authenticationSASLContinue', listener: (message: { data: string }) => void): void;
    sendSCRAMClientFinalMessage(response: string): void;
  };
  saslSession: { clientNonce: string; serverSignature: string };
}

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();

function proofOf(password: string, serverFirst: string, authMessage: string) {
  const attribute = (name: string) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(serverFirst)?.[1] ?? '';
  const salted = pbkdf2Sync(
    password,
    Buffer.from(attribute('s'), 'base64'),
    Number(attribute('i')),
    32,
    'sha256',
  );
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage);
  return {
    proof: Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64'),
    serverSignature: hmac(hmac(salted, 'Server Key'), authMessage).toString('base64'),
  };
}

/** Makes an unconnected client prove the password as typed. The driver checks everything else. */
export function proveAsTyped(client: pg.Client, password: string): void {
  const driver = client as unknown as ScramClient;
  const { connection } = driver;
  const send = connection.sendSCRAMClientFinalMessage.bind(connection);
  let serverFirst = '';
  connection.on('authenticationSASLContinue', ({ data }) => {
    serverFirst = data;
  });
  connection.sendSCRAMClientFinalMessage = (response) => {
    const unproven = response.slice(0, response.lastIndexOf(',p='));
    const authMessage = `n=*,r=${driver.saslSession.clientNonce},${serverFirst},${unproven}`;
    const { proof, serverSignature } = proofOf(password, serverFirst, authMessage);
    driver.saslSession.serverSignature = serverSignature;
    send(`${unproven},p=${proof}`);
  };
}
