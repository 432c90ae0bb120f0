import { z } from 'zod';

/** Headers that belong to the transport, the sign-in or proxies, so that no property may set them. */
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

/** A field name (RFC 9110 section 5.1) that a connection may set. */
export const headerNameSchema = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a header name (RFC 9110 section 5.1)')
  .refine((name) => !isReservedHeader(name), 'is a header that a connection cannot set');

/** Whether all octets are allowed in a field value (RFC 9110 section 5.5). */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** The name of a header with a sealed value. May also be one used for signing in, which no visible value may set. */
export const sealedHeaderNameSchema = z.union([
  headerNameSchema,
  z.string().regex(/^authorization$/i, 'is a header that a connection cannot set'),
]);

/** A field value (RFC 9110 section 5.5), so that it cannot inject a line break into a request. */
export const headerValueSchema = z
  .string()
  .max(8192)
  .refine(isHeaderValue, 'must not contain control characters or characters outside Latin-1');

/** Whether a bearer header can carry the token (RFC 6750 section 2.1). */
export function isBearerToken(value: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(value);
}
