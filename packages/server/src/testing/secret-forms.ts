// The forms in which a secret could leak: in plain text, and in common encodings.

/** Base64 of the bytes at one of the three offsets they can have in a longer text, without letters that neighbours share. */
function base64At(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

const everyByte = (bytes: Buffer, write: (hex: string) => string) =>
  [...bytes].map((byte) => write(byte.toString(16).padStart(2, '0'))).join('');

/** Every form of a secret that is different from the others, by the form's name. */
export function formsOf(secret: string): Map<string, Buffer> {
  const bytes = Buffer.from(secret, 'utf8');
  const aligned = [0, 1, 2].map((offset) => base64At(bytes, offset));
  const json = JSON.stringify(secret).slice(1, -1);
  const forms: Record<string, string> = {
    plain: secret,
    reversed: [...secret].toReversed().join(''),
    'JSON in JSON': JSON.stringify(json).slice(1, -1),
    JSON: json,
    'JSON, all escaped': [...secret]
      .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
    'percent-encoded': encodeURIComponent(secret),
    'percent-encoded, all': everyByte(bytes, (hex) => `%${hex}`),
    form: new URLSearchParams({ '': secret }).toString().slice(1),
    HTML: secret.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`),
    hex: bytes.toString('hex'),
    'hex, capitals': bytes.toString('hex').toUpperCase(),
    'hex with colons': everyByte(bytes, (hex) => `${hex}:`).slice(0, -1),
  };
  aligned.forEach((text, offset) => {
    forms[`base64 at ${offset}`] = text;
    forms[`base64url at ${offset}`] = text.replaceAll('+', '-').replaceAll('/', '_');
  });
  // Of identical forms, the first gives the name.
  const names = new Map(
    Object.entries(forms)
      .toReversed()
      .map(([name, text]) => [text, name]),
  );
  const texts = [...names].map(([text, name]) => [name, Buffer.from(text, 'utf8')] as const);
  return new Map([...texts, ['UTF-16', Buffer.from(secret, 'utf16le')]]);
}
