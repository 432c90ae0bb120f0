/** The code that the page after a redirect shows. */
export const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';

/** Where its button sends the form; empty on a page without one. */
export const actionOf = (html: string): string =>
  /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';
