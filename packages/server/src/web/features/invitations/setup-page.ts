import { newToken } from '../../../core/crypto/random.js';
import { pageHeaders } from '../../http/page-headers.js';
import { setupScript, setupStyle } from './setup-page-assets.js';

const mark = `<svg width="26" height="26" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M4.5 4V20M19.5 4V20" stroke-width="3.2"/><path d="M4.5 4.5C6.5 19 17.5 19 19.5 4.5" stroke-width="2.2"/><path d="M2.6 20h3.8M17.6 20h3.8" stroke-width="3.2"/></svg>`;
const swag = `<svg class="swag" height="170" viewBox="0 0 1280 170" preserveAspectRatio="none" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><path d="M-20 8C320 190 960 190 1300 8" vector-effect="non-scaling-stroke"/></svg>`;

const ask = `<div id="ask" class="sheet" hidden>
<div><h1 tabindex="-1">Get your API key</h1>
<p class="lead">You were invited to use Mooring. This link works once and creates an API key for you.</p></div>
<div id="problem" class="note bad" role="alert" hidden><h2 id="problem-title"></h2><p id="problem-text"></p></div>
<form id="form">
<div class="field"><label for="description">What is the key for?</label>
<input id="description" maxlength="256" value="First key" autocomplete="off" aria-describedby="description-hint">
<p class="hint" id="description-hint">Shown to you and to administrators in the list of keys.</p></div>
<button id="make" type="submit">Make the key</button>
</form>
</div>`;

const key = `<div id="key" class="sheet" hidden>
<div><h1 tabindex="-1">Your API key</h1>
<p class="lead">It acts as <strong><bdi id="user"></bdi></strong>, expires on <time id="expiry"></time>, and is shown only once.</p></div>
<code id="token" class="secret" translate="no" tabindex="0" aria-label="API key"></code>
<div><button id="copy" type="button">Copy the key</button><p id="copied" role="status"></p></div>
<section id="approval" class="note" aria-labelledby="approval-title" hidden><h2 id="approval-title">You have had access before</h2>
<p>This key cannot use credentials that are older than it. Approve it with one of your earlier keys, or enter the secrets again:</p>
<code id="approve"></code></section>
<section id="others" class="note" aria-labelledby="others-title" hidden><h2 id="others-title">This user has <span id="others-count"></span></h2>
<p>If you do not recognize them, tell an administrator: someone else may have access as you.</p></section>
<div class="field"><h2 class="label">Try it</h2><pre id="try"></pre></div>
</div>`;

const none = `<div id="none" class="sheet" hidden>
<div><h1 tabindex="-1">This link is incomplete</h1>
<p class="lead">The invitation is the part after the #. Open the complete link, or ask an administrator for a new one. If you reloaded this page, open the link again.</p></div>
</div>`;

const noScript = `<noscript><div class="sheet"><h1>Get your API key</h1>
<p>This page needs JavaScript. Without it, send the part of your link after the #:</p>
<pre>curl -H 'content-type: application/json' -d '{"token":"…"}' \\
  …/api/v1/invitations/actions/redeem</pre></div></noscript>`;

/** The page at `/console/setup#token`. It is the same for every token: the fragment stays in the browser. */
export function renderSetupPage(): { html: string; headers: Record<string, string> } {
  const nonce = newToken(18);
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Get your API key · Mooring</title>
<style nonce="${nonce}">${setupStyle}</style>
</head>
<body>
<header>${mark}Mooring</header>
<main>
${swag}
${ask}
${key}
${none}
${noScript}
</main>
<footer>Mooring stores only a hash of the key and cannot show it again.</footer>
<script nonce="${nonce}">${setupScript}</script>
</body>
</html>
`;
  return { html, headers: pageHeaders(nonce, { fetch: true }) };
}
