// Style and script of the setup page. They are inline, so the page loads nothing.

export const setupStyle = `
:root {
  color-scheme: light dark;
  --bg: light-dark(#f3f6f6, #0d1417); --surface: light-dark(#ffffff, #131c20); --well: light-dark(#f2f5f6, #1a252a);
  --hover: light-dark(#eaf0f1, #213037); --line: light-dark(#dfe6e8, #27353b); --line-2: light-dark(#c2ced2, #3b4d54);
  --line-3: light-dark(#76888f, #72868d); --text: light-dark(#12212a, #e9f0f1); --text-2: light-dark(#465860, #b0bfc4);
  --text-3: light-dark(#596b73, #93a5ab); --accent: light-dark(#0b6270, #63c5cf);
  --accent-hover: light-dark(#084c57, #85d6de); --on-accent: light-dark(#ffffff, #04252b);
  --focus: light-dark(#0b6270, #7bd0d9); --attn-text: light-dark(#8f3a05, #ffb884);
  --attn-soft: light-dark(#fdeee2, #38220f); --attn-line: light-dark(#eec9ab, #6b4420);
  --bad-text: light-dark(#9d1b28, #ff9da4); --bad-soft: light-dark(#fdeaeb, #3a171b);
  --bad-line: light-dark(#f0bfc3, #73313a); --ok-text: light-dark(#14633a, #86d8aa);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
  --shadow: light-dark(0 4px 16px #12212a1f, 0 4px 16px #0008); --ctl: 2rem;
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { font: 100%/1.5 var(--sans); -webkit-text-size-adjust: 100%; background: var(--bg); }
body {
  margin: 0; min-block-size: 100dvh; display: grid; grid-template-rows: auto 1fr auto; font-size: .875rem;
  line-height: 1.45; color: var(--text); background: var(--bg); overflow-wrap: anywhere;
}
h1, h2, p { margin: 0; }
h1 { font-size: 1.375rem; line-height: 1.25; font-weight: 620; letter-spacing: -.012em; }
h1:focus { outline: none; }
h2 { font-size: .875rem; font-weight: 600; }
svg { flex: none; display: block; }
button, input { font: inherit; color: inherit; }
code, pre { font-family: var(--mono); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
header { display: flex; align-items: center; gap: .625rem; padding: 1rem 1.25rem; font-weight: 600; }
header svg { color: var(--accent); }
main { display: grid; place-items: center; align-content: center; padding: 1rem; position: relative; overflow: clip; }
footer { padding: 1rem 1.25rem; text-align: center; font-size: .75rem; color: var(--text-3); }
.swag { position: absolute; inset-inline: 0; inset-block-start: 50%; inline-size: 100%; color: var(--line-2); pointer-events: none; }
.sheet {
  position: relative; inline-size: 100%; max-inline-size: 33rem; padding: 1.75rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); display: grid; gap: 1.125rem;
}
.sheet > *, form { min-inline-size: 0; }
.lead { color: var(--text-2); margin-block-start: .25rem; }
form, .field { display: grid; gap: 1rem; }
.field { gap: .3125rem; }
label, .label { font-weight: 550; font-size: .8125rem; }
.hint { font-size: .8125rem; color: var(--text-2); }
input {
  inline-size: 100%; min-block-size: var(--ctl); padding: .25rem .625rem; border: 1px solid var(--line-3);
  border-radius: 7px; background: var(--surface);
}
button {
  min-block-size: 2.5rem; padding: .25rem .75rem; border: 1px solid var(--accent); border-radius: 7px;
  background: var(--accent); color: var(--on-accent); font-weight: 550; cursor: pointer;
}
button:hover { background: var(--accent-hover); }
button[aria-disabled=true] { background: var(--well); border-color: var(--line); color: var(--text-3); cursor: not-allowed; }
.secret, pre {
  margin: 0; padding: .75rem .875rem; background: var(--well); border: 1px solid var(--line); border-radius: 7px;
  font-size: .875rem; overflow-wrap: anywhere; white-space: pre-wrap;
}
.secret { user-select: all; -webkit-user-select: all; }
#copied { min-block-size: 1.25rem; margin-block-start: .5rem; font-size: .8125rem; color: var(--ok-text); }
.note { display: grid; gap: .25rem; padding: .75rem .875rem; border: 1px solid var(--attn-line); border-radius: 10px; background: var(--attn-soft); }
.note h2 { color: var(--attn-text); }
.note.bad { border-color: var(--bad-line); background: var(--bad-soft); }
.note.bad h2 { color: var(--bad-text); }
.note code { font-size: .8125rem; }
@media (pointer: coarse), (max-width: 40em) { :root { --ctl: 2.75rem; } button { min-block-size: 2.75rem; } .sheet { padding: 1.25rem; } }
@media (prefers-contrast: more) { :root { --line: light-dark(#76888f, #72868d); --text-2: var(--text); --text-3: var(--text); } }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;

export const setupScript = `
(() => {
  'use strict';
  const at = (id) => document.getElementById(id);
  const token = location.hash.slice(1);
  // Keeps the token out of the browser's history and its suggestions.
  history.replaceState(null, '', location.pathname);

  const show = (step) => {
    for (const one of ['ask', 'key', 'none']) at(one).hidden = one !== step;
    const heading = at(step).querySelector('h1');
    heading.focus();
    document.title = heading.textContent + ' · Mooring';
  };
  const fail = (title, text) => {
    at('problem-title').textContent = title;
    at('problem-text').textContent = text;
    at('problem').hidden = false;
  };

  const showKey = ({ user, apiKey, otherKeys }) => {
    at('user').textContent = user.name;
    at('token').textContent = apiKey.token;
    const end = new Date(apiKey.expiry);
    at('expiry').dateTime = apiKey.expiry;
    at('expiry').textContent = end.toLocaleDateString([], { dateStyle: 'long' });
    at('try').textContent = 'curl -H "Authorization: Bearer $MOORING_API_KEY" ' + location.origin + '/api/v1/users/me';
    at('approval').hidden = !apiKey.awaitsApproval;
    at('approve').textContent = 'POST /api/v1/api-keys/' + apiKey.id + '/actions/approve';
    at('others').hidden = otherKeys === 0;
    at('others-count').textContent = otherKeys === 1 ? '1 other key' : otherKeys + ' other keys';
    show('key');
  };

  let isSending = false;
  at('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    at('make').setAttribute('aria-disabled', 'true');
    at('problem').hidden = true;
    try {
      const response = await window.fetch('/api/v1/invitations/actions/redeem', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token, description: at('description').value }),
      });
      const body = await response.json();
      if (response.status === 201) return showKey(body);
      const [first] = body.errors;
      fail('No key was made', first.detail || first.title);
    } catch {
      fail('Mooring does not answer', 'Try again in a moment. If the invitation then turns out to be used, ask for a new one: its key was never shown.');
    } finally {
      isSending = false;
      at('make').removeAttribute('aria-disabled');
    }
  });

  const selectToken = () => {
    const range = document.createRange();
    range.selectNodeContents(at('token'));
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  at('copy').addEventListener('click', async () => {
    let text = 'Copied. Keep it where you keep passwords.';
    try {
      await navigator.clipboard.writeText(at('token').textContent);
    } catch {
      selectToken();
      text = 'The key is selected. Press Ctrl+C to copy it, or \\u2318C on a Mac.';
    }
    at('copied').textContent = '';
    requestAnimationFrame(() => { at('copied').textContent = text; });
  });

  show(token === '' ? 'none' : 'ask');
  if (token !== '') at('description').focus();
})();
`;
