import { version } from '@mooring/contract/version';
import { escapeHtml } from '../../http/escape-html.js';

export const startStyle = `
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b2733; font: 16px/1.5 system-ui, sans-serif; }
header, #start { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.25rem 0; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 1.5rem 0 .5rem; font-size: 1.15rem; }
ol { padding-left: 1.25rem; } li { margin: .75rem 0; }
pre { overflow-x: auto; margin: .375rem 0; padding: .75rem; background: #f3f5f7; border-radius: .375rem; font-size: .875rem; }
a { color: #0b5cad; } nav a { margin-right: 1rem; }
`;

/** Tags closed at first: the page begins with what there is, not with 144 operations. */
export const referenceScript = `
SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'none', defaultModelsExpandDepth: -1,
  persistAuthorization: false, displayRequestDuration: true, tryItOutEnabled: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

interface Step {
  title: string;
  command: string;
}

/** From a key to the first rows; after the first step, each command runs as it stands. */
export const firstSteps = (publicUrl: string): readonly Step[] => [
  {
    title:
      'Your key (printed at the first start, or made with the set-up link), your database, an id for the connection.',
    command: `export MOORING=${publicUrl} KEY=mrg_…
export DB_HOST=db.example.com DB_PORT=5432 DB_NAME=sales DB_USER=alice DB_PASSWORD=… DB_SSLMODE=verify-full
export ID=$(node -p 'crypto.randomUUID()')`,
  },
  {
    title: 'A connection that everyone uses with a login of their own, and yours.',
    command: `curl -sS "$MOORING/api/v1/data-connections" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d @- <<END
{"qID": "$ID", "dataSourceId": "postgres", "qName": "first",
 "connectionProperties": {"host": "$DB_HOST", "port": "$DB_PORT", "db": "$DB_NAME", "sslmode": "$DB_SSLMODE",
   "separateCredentials": "true", "credentialsName": "my login", "username": "$DB_USER", "password": "$DB_PASSWORD"}}
END`,
  },
  {
    title:
      'Does it work? In stages: name, connection, TLS, login, read-only. A stage that fails says what to do. A server with a certificate of its own: DB_SSLMODE=require; without TLS: disable.',
    command: `curl -sS -X POST "$MOORING/api/v1/data-connections/$ID/actions/test" -H "Authorization: Bearer $KEY"`,
  },
  {
    title: 'What it contains.',
    command: `curl -sS "$MOORING/api/v1/data-connections/$ID/actions/browse" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
  -d '{"path": []}'`,
  },
  {
    title: 'Rows, as CSV (or NDJSON, Arrow).',
    command: `curl -sS "$MOORING/api/v1/data-connections/$ID/actions/read" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
  -H 'Accept: text/csv' -d '{"query": "select current_user, version()"}'`,
  },
];

const step = ({ title, command }: Step) =>
  `<li>${escapeHtml(title)}<pre><code>${escapeHtml(command)}</code></pre></li>`;

export const startPage = (publicUrl: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mooring API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/static/swagger-ui.css"><link rel="stylesheet" href="/docs/static/start.css">
</head>
<body>
<header><h1>Mooring ${version}</h1>
<p>Shared data connections, used with your own credentials.</p>
<nav aria-label="This page"><a href="#start">Start here</a><a href="#reference">Reference</a><a href="/openapi.json">OpenAPI</a></nav></header>
<main>
<section id="start" aria-labelledby="start-title"><h2 id="start-title">Start here: your database in five commands</h2>
<ol>${firstSteps(publicUrl).map(step).join('')}</ol>
<p>Next: share it. Create a space (<a href="#/spaces">spaces</a>), move the connection there, and invite others
(<a href="#/invitations">invitations</a>): each brings a login of their own (<a href="#/data-credentials">data-credentials</a>).
The operations under <a href="#/connectivity">connectivity</a> are those of data-sources, data-connections and data-credentials under
the path of Qlik's newer API.</p></section>
<section id="reference" aria-label="Reference"><noscript>The reference needs JavaScript; the same is in <a href="/openapi.json">openapi.json</a>.</noscript></section>
</main>
<script src="/docs/static/swagger-ui-bundle.js"></script><script src="/docs/static/reference.js"></script>
</body>
</html>
`;

/** What `GET /` answers to a program; a browser goes to `/docs`. */
export const signpost = (publicUrl: string): string =>
  [
    `Mooring ${version}: shared data connections, used with your own credentials.`,
    `First steps and API reference: ${publicUrl}/docs`,
    `OpenAPI: ${publicUrl}/openapi.json`,
    `Is it ready: ${publicUrl}/readyz`,
    '',
  ].join('\n');
