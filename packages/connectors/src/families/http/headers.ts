import { z } from 'zod';

/** Headers that belong to the transport, to the sign-in or to proxies, so that no property may set them. */
const reservedHeaders = new Set(
  (
    'authorization connection content-length cookie expect forwarded host http2-settings keep-alive te trailer ' +
    'transfer-encoding upgrade via x-http-method x-http-method-override x-method-override x-original-url ' +
    'x-real-ip x-rewrite-url'
  ).split(' '),
);
const reservedHeaderPrefixes = ['proxy-', 'sec-', 'x-forwarded-'];

function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return reservedHeaders.has(lower) || reservedHeaderPrefixes.some((prefix) => lower.startsWith(prefix));
}

/** A field name by RFC 9110 section 5.1 that a connection may set itself. */
export const headerNameSchema = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a header name (RFC 9110 section 5.1)')
  .refine((name) => !isReservedHeader(name), 'is a header that a connection cannot set');

/** True for octets that RFC 9110 section 5.5 allows in a field value. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** A header that carries a secret, sealed: also the one that sign-ins use, which no visible value may set. */
export const sealedHeaderNameSchema = z.union([
  headerNameSchema,
  z.string().regex(/^authorization$/i, 'is a header that a connection cannot set'),
]);

/** A field value by RFC 9110 section 5.5, so nothing can smuggle a line break into a request. */
export const headerValueSchema = z
  .string()
  .max(8192)
  .refine(isHeaderValue, 'must not contain control characters or characters beyond Latin-1');

/** True for a token that a bearer header can carry (RFC 6750 section 2.1). */
export function isBearerToken(value: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(value);
}
