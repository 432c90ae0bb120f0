/** What one of our pages may do beyond being shown. */
export interface PageRights {
  /** Send its one form to its own origin. */
  form?: boolean;
  /** Call the API of its own origin. */
  fetch?: boolean;
}

/** Headers of a page that loads nothing and cannot be framed. Its inline style and script carry the nonce. */
export function pageHeaders(nonce: string, { form, fetch }: PageRights = {}): Record<string, string> {
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      ...(fetch ? ["connect-src 'self'"] : []),
      "base-uri 'none'",
      `form-action ${form ? "'self'" : "'none'"}`,
      "frame-ancestors 'none'",
    ].join('; '),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy':
      'clipboard-write=(self), clipboard-read=(), camera=(), geolocation=(), microphone=()',
  };
}
