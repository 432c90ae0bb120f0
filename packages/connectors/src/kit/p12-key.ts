import { createPrivateKey } from 'node:crypto';
import { ConnectorError } from '../interface/errors.js';
import { Secret } from '../interface/secret.js';

// P12 keys of Google's service accounts: PKCS#12 (RFC 7292) with RC2 and 3DES, which OpenSSL no longer opens, so
// node-forge does. It runs where drivers run, never in the service: the file decides how long the key derivation takes.

/** Google's default password for P12 keys. */
const passwordOfGoogle = 'notasecret';
/** Google's files use 1 or 2,048; each costs some microseconds here. */
const iterationsMax = 100_000;

/** A P12 file is an ASN.1 SEQUENCE whose first member is the version 3. */
export function isP12(bytes: Buffer): boolean {
  if (bytes.length < 8 || bytes[0] !== 0x30) return false;
  const length = bytes[1] ?? 0;
  const content = length < 0x80 ? 2 : 2 + (length & 0x7f);
  return bytes.subarray(content, content + 3).equals(Buffer.from([0x02, 0x01, 0x03]));
}

type Forge = typeof import('node-forge');
type Asn1 = import('node-forge').asn1.Asn1;

const broken = (): ConnectorError =>
  new ConnectorError('invalid_config', 'The P12 key file cannot be read.', {
    remedy: 'Provide the complete file from Google as base64, or create a JSON key.',
  });

function numberOf(forge: Forge, node: Asn1 | undefined): number {
  const bytes = node?.value;
  return typeof bytes === 'string' && bytes.length > 0 && bytes.length <= 4
    ? forge.asn1.derToInteger(bytes)
    : Number.POSITIVE_INFINITY;
}

/** Checks every iteration count in the file, including those in octet-wrapped contents. */
function assertQuick(forge: Forge, node: Asn1, depth = 0): void {
  if (depth > 20) throw broken();
  if (typeof node.value === 'string') {
    if (node.type !== forge.asn1.Type.OCTETSTRING || node.value.charCodeAt(0) !== 0x30) return;
    let inner: Asn1;
    try {
      inner = forge.asn1.fromDer(node.value);
    } catch {
      return;
    }
    assertQuick(forge, inner, depth + 1);
    return;
  }
  const [first, second] = node.value;
  // PKCS#12 and PKCS#5 have `SEQUENCE {salt OCTET STRING, iterations INTEGER, …}`; MacData has it after its digest.
  for (const [salt, count] of [[first, second], node.value.slice(1, 3)])
    if (salt?.type === forge.asn1.Type.OCTETSTRING && count?.type === forge.asn1.Type.INTEGER)
      if (numberOf(forge, count) > iterationsMax) throw broken();
  for (const child of node.value) assertQuick(forge, child, depth + 1);
}

/**
 * The private key of a P12 file.
 * @param password absent or empty: Google's default
 * @returns PKCS#8 PEM
 * @throws ConnectorError `invalid_config` when it is broken, `auth_failed` for a wrong password
 */
export async function privateKeyOfP12(bytes: Buffer, password: string | undefined): Promise<Secret<string>> {
  const { default: forge } = await import('node-forge');
  let bags: import('node-forge').pkcs12.Bag[];
  try {
    const file = forge.asn1.fromDer(bytes.toString('latin1'));
    assertQuick(forge, file);
    const opened = forge.pkcs12.pkcs12FromAsn1(file, password || passwordOfGoogle);
    const oids = forge.pki.oids;
    const of = (bagType: string | undefined) =>
      bagType === undefined ? [] : (opened.getBags({ bagType })[bagType] ?? []);
    bags = [...of(oids['pkcs8ShroudedKeyBag']), ...of(oids['keyBag'])];
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    if (error instanceof Error && /MAC could not be verified|Invalid password/i.test(error.message))
      throw new ConnectorError('auth_failed', 'The password of the P12 key file is wrong.', {
        remedy: 'Set P12CustomPwd; Google’s default is notasecret.',
      });
    throw broken();
  }
  const key = bags.find((bag) => bag.key)?.key;
  if (!key) throw broken();
  const pem = forge.pki.privateKeyToPem(key);
  return new Secret(createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString());
}
