/** Secrets in the wrong place: data source and connection properties. */
export function misplacedSecrets(options: {
  /** Port of a server that would answer. */
  port: number;
  /** A fresh secret with letters that need escaping. */
  secret: () => string;
  /** A fresh secret of plain letters. */
  token: () => string;
}): [datasourceID: string, connectionProperties: object][] {
  const { port, secret, token } = options;
  const postgres = { host: '127.0.0.1', port, db: 'lab', username: 'alice' };
  return [
    ['postgres', { ...postgres, passwrod: secret() }],
    ['postgres', { ...postgres, password: { value: secret() } }],
    ['postgres', { ...postgres, password: [secret()] }],
    ['postgres', { ...postgres, password: `${secret()}\n` }],
    ['postgres', { ...postgres, password: secret().repeat(200) }],
    ['postgres', { ...postgres, password: secret(), sslmode: secret() }],
    ['postgres', { ...postgres, password: secret(), port: secret() }],
    ['postgres', { ...postgres, host: `alice:${token()}@127.0.0.1` }],
    ['rest', { url: `http://alice:${token()}@127.0.0.1:${port}/` }],
    ...misplacedHeaders(token).map((properties): [string, object] => [
      'rest',
      { url: 'http://127.0.0.1/', ...properties },
    ]),
    [
      'rest',
      {
        url: 'http://127.0.0.1/',
        authSchema: 'basic',
        username: 'u',
        password: secret(),
        bearerToken: secret(),
      },
    ],
    [
      'rest',
      {
        ...{ url: 'http://127.0.0.1/', authSchema: 'oauth2', clientId: 'c', refreshToken: token() },
        ...{ authorizationUrl: `http://127.0.0.1:${port}/auth`, tokenUrl: `http://127.0.0.1:${port}/token` },
      },
    ],
    ['gbq', { KeyFilePath: secret() }],
    ['gbq', { KeyFilePath: [{ name: 'k', value: secret(), more: secret() }] }],
    ['gbq', { P12CustomPwd: secret() }],
    ['File_AmazonS3Connector', { accessKey: secret(), secretKey: { raw: secret() } }],
    [
      'File_AmazonS3Connector',
      { accessKey: token(), secretKey: secret(), endpoint: `http://u:${token()}@127.0.0.1` },
    ],
    ['no such source', { password: secret() }],
  ];
}

/** Headers that are not valid, that would be shown, or that would override the sign-in (DECISIONS 8). */
const misplacedHeaders = (token: () => string): object[] => [
  { queryHeaders: [{ name: 'Authorization', value: token() }] },
  { queryHeaders: [{ name: 'x', value: token(), encrypt: 'yes' }] },
  { queryHeaders: [{ name: 'x', value: '', secret: token(), encrypt: true }] },
  { queryHeaders: [{ name: 'Cookie', value: token(), encrypt: true }] },
  { queryParameters: [{ name: 'x', value: token(), encrypt: true }] },
  { encryptedHeaders: [{ name: 'x', value: token() }] },
  {
    queryHeaders: [{ name: 'x', value: '', encrypt: true }],
    encryptedHeaders: [{ name: 'other', value: token() }],
  },
  {
    ...{ authSchema: 'basic', username: 'u', password: token() },
    queryHeaders: [{ name: 'x', value: '', encrypt: true }],
  },
  {
    ...{ authSchema: 'basic', username: 'u', password: token() },
    queryHeaders: [{ name: 'Authorization', value: token(), encrypt: true }],
  },
];
