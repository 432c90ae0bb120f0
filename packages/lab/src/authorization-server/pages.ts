import { timingSafeEqual } from 'node:crypto';
import type { Provider } from 'oidc-provider';
import { readRequestBody } from '../loopback-http.js';

export interface LabUser {
  login: string;
  password: string;
  email: string;
}

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}

/** Shown in the browser when a request cannot be redirected to an application. */
export function errorPage(error: string, description: string): string {
  return page('This request is wrong', `<p>${escapeHtml(error)}: ${escapeHtml(description)}</p>`);
}

export function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 10vh auto; padding: 0 1rem; }
label { display: block; margin-top: 1rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: 0.4rem; }
button { font: inherit; margin: 1.25rem 0.5rem 0 0; padding: 0.4rem 1rem; }
</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
}

function signInPage(interaction: Interaction, message?: string): string {
  const hint = interaction.params['login_hint'];
  const value = typeof hint === 'string' ? ` value="${escapeHtml(hint)}"` : '';
  const alert = message === undefined ? '' : `<p role="alert">${escapeHtml(message)}</p>\n`;
  return page(
    'Sign in to the lab',
    `${alert}<form method="post" action="/interaction/${interaction.uid}/login">
<label for="login">Login</label>
<input id="login" name="login" autocomplete="username" required autofocus${value}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>`,
  );
}

function consentPage(interaction: Interaction): string {
  const scopes = String(interaction.params['scope'] ?? '')
    .split(' ')
    .filter(Boolean);
  const items = scopes.map((scope) => `<li>${escapeHtml(scope)}</li>`).join('\n');
  const client = escapeHtml(String(interaction.params['client_id']));
  const account = escapeHtml(interaction.session?.accountId ?? '');
  return page(
    'Allow access?',
    `<p>The application <strong>${client}</strong> asks to act for <strong>${account}</strong> with:</p>
<ul>
${items}
</ul>
<form method="post" action="/interaction/${interaction.uid}/consent">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>`,
  );
}

function isPasswordOf(user: LabUser, password: string): boolean {
  const [expected, given] = [Buffer.from(user.password), Buffer.from(password)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function show(context: Context, html: string, status = 200): void {
  context.status = status;
  context.type = 'text/html; charset=utf-8';
  context.set('cache-control', 'no-store');
  context.set(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  );
  context.body = html;
}

/** Grants everything requested, because the page offers no choice. */
async function grantAsked(provider: Provider, interaction: Interaction): Promise<string> {
  const known = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined;
  const accountId = interaction.session?.accountId ?? '';
  const grant = known ?? new provider.Grant({ accountId, clientId: String(interaction.params['client_id']) });
  const scope = String(interaction.params['scope'] ?? '');
  grant.addOIDCScope(scope);
  const { resource } = interaction.params;
  for (const each of [resource].flat()) if (typeof each === 'string') grant.addResourceScope(each, scope);
  return await grant.save();
}

/** The sign-in page and the consent page, as plain forms without scripts. */
export function createPagesMiddleware(provider: Provider, users: readonly LabUser[]): Middleware {
  async function finish(
    context: Context,
    result: Parameters<Provider['interactionFinished']>[2],
  ): Promise<void> {
    context.respond = false;
    await provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
  }

  async function login(context: Context, interaction: Interaction, form: URLSearchParams): Promise<void> {
    const user = users.find((one) => one.login === form.get('login'));
    if (user === undefined || !isPasswordOf(user, form.get('password') ?? '')) {
      show(context, signInPage(interaction, 'Login or password is wrong.'), 401);
      return;
    }
    await finish(context, { login: { accountId: user.login } });
  }

  async function consent(context: Context, interaction: Interaction, form: URLSearchParams): Promise<void> {
    if (form.get('decision') === 'allow') {
      await finish(context, { consent: { grantId: await grantAsked(provider, interaction) } });
      return;
    }
    await finish(context, { error: 'access_denied', error_description: 'The user denied access' });
  }

  return async (context, next) => {
    const match = /^\/interaction\/[\w-]+(?:\/(login|consent))?$/.exec(context.path);
    if (match === null) return await next();
    const interaction = await provider.interactionDetails(context.req, context.res).catch(() => null);
    if (interaction === null) {
      show(context, page('This sign-in is over', '<p>Go back to the application and begin again.</p>'), 400);
      return;
    }
    if (context.method !== 'POST') {
      show(context, interaction.prompt.name === 'login' ? signInPage(interaction) : consentPage(interaction));
      return;
    }
    const form = new URLSearchParams((await readRequestBody(context.req)).toString());
    await (match[1] === 'consent' ? consent : login)(context, interaction, form);
  };
}
