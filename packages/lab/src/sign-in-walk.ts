export interface SignInWalkOptions {
  /** Authorization URL as users receive it from the service. */
  authUrl: string;
  login: string;
  password: string;
  /** Answer on the consent page; `allow` by default. */
  decision?: 'allow' | 'deny';
  /** Ends at the first page of the server without a form, as a sign-in on another device does. */
  endsAtServer?: boolean;
  /** For another HTTP client; the global one by default. */
  fetch?: typeof globalThis.fetch;
}

/** The page the browser ends on: the service's own callback. */
export interface SignInWalkAnswer {
  finalUrl: string;
  html: string;
  status: number;
}

interface Cookie {
  value: string;
  path: string;
}

interface Page {
  url: URL;
  status: number;
  html: string;
}

const stepsMax = 20;

function createCookieJar() {
  const cookies = new Map<string, Cookie>();
  return {
    take(response: Response) {
      for (const line of response.headers.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
        const name = pair.slice(0, pair.indexOf('='));
        const path = attributes.find((one) => /^path=/i.test(one))?.slice('path='.length) ?? '/';
        const expires = attributes.find((one) => /^expires=/i.test(one))?.slice('expires='.length);
        const key = `${name};${path}`;
        if (expires !== undefined && Date.parse(expires) <= Date.now()) cookies.delete(key);
        else cookies.set(key, { value: pair, path });
      }
    },
    headerFor(url: URL): string {
      const fitting = [...cookies.values()].filter(({ path }) => url.pathname.startsWith(path));
      return fitting.map(({ value }) => value).join('; ');
    },
  };
}

function hiddenFields({ html }: Page): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
  const code = /value="([^"]*)"[^>]*name="user_code"/.exec(html)?.[1];
  return {
    ...(code === undefined ? {} : { user_code: code }),
    ...Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value])),
  };
}

function formTarget(page: Page): URL {
  const action = /<form[^>]* action="([^"]+)"/.exec(page.html)?.[1];
  if (action === undefined) throw new Error(`No form on ${page.url.pathname} (status ${page.status})`);
  return new URL(action.replaceAll('&amp;', '&'), page.url);
}

/**
 * Goes through the lab's sign-in as a browser would: follows redirects with cookies, fills the sign-in form and
 * the consent form, and gets the first page that is not on the authorization server. No cookie and no form
 * value leaves the authorization server.
 * @throws Error when the login is refused, a page has no form, or the way does not end in 20 steps.
 */
export async function walkSignIn(options: SignInWalkOptions): Promise<SignInWalkAnswer> {
  const request = options.fetch ?? globalThis.fetch;
  const start = new URL(options.authUrl);
  const jar = createCookieJar();

  async function load(url: URL, form?: URLSearchParams): Promise<Page> {
    let target = url;
    let body = form;
    for (let step = 0; step < stepsMax; step += 1) {
      const isAtServer = target.origin === start.origin;
      const headers = isAtServer ? { cookie: jar.headerFor(target) } : {};
      const post = body === undefined ? {} : { method: 'POST', body };
      const response = await request(target, { redirect: 'manual', headers, ...post });
      if (isAtServer) jar.take(response);
      const location = response.headers.get('location');
      if (!isAtServer || location === null) {
        return { url: target, status: response.status, html: await response.text() };
      }
      await response.body?.cancel();
      target = new URL(location, target);
      body = undefined;
    }
    throw new Error(`More than ${stepsMax} redirects`);
  }

  let page = await load(start);
  let hasSentPassword = false;
  for (let step = 0; step < stepsMax && page.url.origin === start.origin; step += 1) {
    if (options.endsAtServer && !page.html.includes('<form')) break;
    const asksForPassword = page.html.includes('name="password"');
    if (asksForPassword && hasSentPassword)
      throw new Error(`The sign-in was refused (status ${page.status})`);
    hasSentPassword ||= asksForPassword;
    const form: Record<string, string> = asksForPassword
      ? { login: options.login, password: options.password }
      : { ...hiddenFields(page), decision: options.decision ?? 'allow' };
    page = await load(formTarget(page), new URLSearchParams(form));
  }
  return { finalUrl: page.url.href, html: page.html, status: page.status };
}
