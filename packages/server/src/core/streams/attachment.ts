const nameLengthMax = 200;

/** Path separators, control characters, and those that turn the direction of text, which would hide an extension. */
const unfit = /[/\\\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** RFC 8187: what `encodeURIComponent` leaves, and `ext-value` must not contain. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * Value of `Content-Disposition`: a download, never shown in a page, under the name of the file as the source has it.
 * Source: RFC 6266, with its advice on hostile names (section 4.3).
 */
export function attachment(name: string): string {
  const safe =
    [...name.replace(unfit, '_').replace(/^[.\s]+/, '_')].slice(0, nameLengthMax).join('') || 'file';
  const plain = safe.replace(/[^\w.()\x20-]/g, '_');
  return `attachment; filename="${plain}"${plain === safe ? '' : `; filename*=UTF-8''${escaped(safe)}`}`;
}
