/** What a page of ours may do beyond showing itself. */
export interface PageRights {
  /** Send its one form back to where it came from. */
  form?: boolean;
  /** Call the API it came from. */
  fetch?: boolean;
}

/** Headers of a page that loads nothing and cannot be framed; style and script are its own, by their nonce. */
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
