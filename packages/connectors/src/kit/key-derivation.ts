// Files that are sealed by a password say how much work it takes to open them. The user who gives the file decides that,
// so it is read before any of the work is done. Sources: RFC 7292 (PKCS#12), RFC 8018 (PKCS#5), ITU-T X.690 (DER).

const tags = { integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30 };
const constructed = 0x20;
const depthMax = 32;
/** scrypt (1.3.6.1.4.1.11591.4.11), whose cost is a product of several numbers. */
const scrypt = Buffer.from('2b06010401da47040b', 'hex');

interface Node {
  tag: number;
  body: Buffer;
  /** Where the next one begins. */
  end: number;
}

/** @returns undefined for what ends beyond the end, which nobody can read @throws RangeError for anything but DER */
function nodeAt(bytes: Buffer, at: number): Node | undefined {
  if (at + 2 > bytes.length) return undefined;
  const [tag, first] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  // A value without a length, and one in pieces, could hide numbers from this reader.
  if (first === 0x80 || lengthBytes > 4 || tag === (tags.octets | constructed) || (tag & 0x1f) === 0x1f)
    throw new RangeError('Not in DER.');
  const start = at + 2 + lengthBytes;
  if (start > bytes.length) return undefined;
  const end = start + (lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes));
  return end <= bytes.length ? { tag, body: bytes.subarray(start, end), end } : undefined;
}

const numberOf = ({ body }: Node): number =>
  body.length >= 1 && body.length <= 4 ? body.readUIntBE(0, body.length) : Number.POSITIVE_INFINITY;

/** Of all that stands in these bytes, up to what cannot be read. */
function roundsIn(bytes: Buffer, depth: number): number {
  if (depth > depthMax) return Number.POSITIVE_INFINITY;
  let sum = 0;
  let before: Node | undefined;
  for (let node = nodeAt(bytes, 0); node; node = nodeAt(bytes, node.end)) {
    if (node.tag === tags.oid && node.body.equals(scrypt)) return Number.POSITIVE_INFINITY;
    // Everywhere a salt, and after it the number of rounds.
    if (node.tag === tags.integer && before?.tag === tags.octets) sum += numberOf(node);
    const isWrapped = node.tag === tags.octets && node.body[0] === tags.sequence;
    if (isWrapped || (node.tag & constructed) !== 0) sum += roundsIn(node.body, depth + 1);
    before = node;
  }
  return sum;
}

/**
 * How many rounds of key derivation a sealed file asks for, where that shows before it is opened.
 * @returns infinite for what is not in DER, or asks for work that has no number of rounds
 */
export function derivationRounds(der: Buffer): number {
  try {
    return roundsIn(der, 0);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
