/**
 * Client id and secret of HTTP Basic authentication, both form-encoded (RFC 6749 section 2.3.1). Undefined for any other
 * header.
 */
export function basicCredentials(header: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^\s*Basic\s+([A-Za-z0-9+/=_-]{1,4096})\s*$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id, ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  try {
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { id: decode(id ?? ''), secret: decode(rest.join(':')) };
  } catch {
    return undefined;
  }
}
