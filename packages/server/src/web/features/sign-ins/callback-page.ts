import { newToken } from '../../../core/crypto/random.js';
import { escapeHtml } from '../../http/escape-html.js';
import { pageHeaders } from '../../http/page-headers.js';
import { callbackScript, callbackStyle } from './callback-page-assets.js';

/** What a user sees after the identity provider has redirected them back. All texts are plain text, not HTML. */
export type CallbackView =
  | {
      kind: 'code';
      /** Shown alone in the element with id `auth-code`. */
      code: string;
      /** Who started this sign-in: only this user may use the code. */
      initiatorName: string;
      sourceName: string;
      connectionName?: string;
      expiresAt: Date;
      /** Present: one button renews the sign-in of this account; the code is the alternative. */
      renewal?: { account: string; action: string };
    }
  | {
      kind: 'done';
      title: string;
      detail: string;
      remedy: string;
    }
  | {
      kind: 'problem';
      title: string;
      /** What happened. */
      detail: string;
      /** What the user can do now. */
      remedy: string;
    };

export interface CallbackPage {
  html: string;
  /** To be sent unchanged: the nonce in the policy is that of this page. */
  headers: Record<string, string>;
}

/** Renders the page of the redirect URI. It loads nothing, sends only its one form, and cannot be framed. */
export function renderCallbackPage(view: CallbackView): CallbackPage {
  const nonce = newToken(18);
  const { title, body } = bodyOf(view);
  const action = view.kind === 'code' ? view.renewal?.action : undefined;
  const script = view.kind === 'code' ? `<script nonce="${nonce}">${callbackScript}</script>` : '';
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)} · Mooring</title>
<style nonce="${nonce}">${callbackStyle}</style>
</head>
<body>
<header>${mark}Mooring</header>
<main>
${body}
</main>
${script}
</body>
</html>
`;
  return { html, headers: pageHeaders(nonce, { form: action !== undefined }) };
}

function bodyOf(view: CallbackView): { title: string; body: string } {
  if (view.kind !== 'code') return noticeView(view);
  return view.renewal ? renewalView(view, view.renewal) : codeView(view);
}

function codeSection(view: Extract<CallbackView, { kind: 'code' }>): string {
  return `<section class="code" aria-labelledby="code-label">
<div class="head"><p class="label" id="code-label">Your one-time code</p>
<p class="meta">Works until <time id="expiry" datetime="${view.expiresAt.toISOString()}">${utcTime(view.expiresAt)}</time></p></div>
<code id="auth-code" translate="no">${escapeHtml(view.code)}</code>
<button id="copy-code" type="button" hidden><span class="copy">${copyIcon}Copy code</span>
<span class="done">${doneIcon}Copied</span></button>
<p id="copy-status" role="status" aria-live="polite"></p>
</section>`;
}

function renewalView(
  view: Extract<CallbackView, { kind: 'code' }>,
  { account, action }: { account: string; action: string },
) {
  const initiator = name(view.initiatorName);
  const source = `<strong>${escapeHtml(view.sourceName)}</strong>`;
  const connection = view.connectionName ? ` for the connection ${name(view.connectionName)}` : '';
  const title = 'Renew your sign-in';
  const body = `<h1>${title}</h1>
<p class="lead">${initiator} started this sign-in to ${source}${connection}. It was last signed in as ${name(account)}.</p>
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="ticket" value="${escapeHtml(view.code)}">
<button type="submit" autofocus>Renew sign-in</button>
</form>
<p class="fine">This renews only the same account. Nothing is stored of a different one.</p>
<section class="note" aria-labelledby="note-title">
<h2 id="note-title">Are you ${initiator}?</h2>
<p>If not, or if someone else sent you here, close this page and keep the code below to yourself.</p>
</section>
<details><summary>Asked for a code?</summary>
${codeSection(view)}
</details>`;
  return { title, body };
}

function codeView(view: Extract<CallbackView, { kind: 'code' }>) {
  const initiator = name(view.initiatorName);
  const source = `<strong>${escapeHtml(view.sourceName)}</strong>`;
  const connection = view.connectionName ? ` for the connection ${name(view.connectionName)}` : '';
  const title = 'Copy your code to finish';
  const body = `<h1>${title}</h1>
<p class="lead">${initiator} started this sign-in to ${source}${connection}. Paste the code where you started.</p>
${codeSection(view)}
<section class="note" aria-labelledby="note-title">
<h2 id="note-title">Are you ${initiator}?</h2>
<p>If not, or if someone else sent you here, close this page and keep the code to yourself. With it, they could
reach your data in ${source}.</p>
</section>`;
  return { title, body };
}

function noticeView(view: Extract<CallbackView, { kind: 'problem' | 'done' }>) {
  const body = `<div class="sign ${view.kind}">${view.kind === 'done' ? finishedIcon : problemIcon}</div>
<h1>${escapeHtml(view.title)}</h1>
<p class="lead">${escapeHtml(view.detail)}</p>
<section class="remedy" aria-labelledby="remedy-title">
<h2 id="remedy-title">${view.kind === 'done' ? 'What happens now' : 'What you can do'}</h2>
<p>${escapeHtml(view.remedy)}</p>
</section>`;
  return { title: view.title, body };
}

const nameLengthMax = 60;

/**
 * A name that a user chose: in quotation marks that it cannot close, truncated, and isolated, so that neither its words
 * nor its writing direction can pass for one of our sentences.
 */
function name(text: string): string {
  const characters = [
    ...text.replace(/\p{Quotation_Mark}/gu, "'").replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' '),
  ];
  const cut =
    characters.length > nameLengthMax
      ? `${characters.slice(0, nameLengthMax - 1).join('')}…`
      : characters.join('');
  return `<strong>“<bdi>${escapeHtml(cut)}</bdi>”</strong>`;
}

/** Shown until the script replaces it with local time. */
const utcTime = (date: Date): string => `${date.toISOString().slice(11, 16)} UTC`;

const icon = (size: number, paths: string): string =>
  `<svg aria-hidden="true" width="${size}" height="${size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${paths}</svg>`;

const mark = icon(
  22,
  '<circle cx="12" cy="5" r="2.5"/><path d="M12 7.5V21M7.5 11.5h9M4 14c.4 4 3.6 7 8 7s7.6-3 8-7"/>',
);
const copyIcon = icon(
  18,
  '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/>',
);
const doneIcon = icon(18, '<path d="m5 12.5 4.5 4.5L19 7.5"/>');
const finishedIcon = icon(32, '<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.8 2.8L16 9.5"/>');
const problemIcon = icon(32, '<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.5v.01"/>');
