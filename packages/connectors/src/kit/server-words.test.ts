import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../interface/errors.js';
import { Secret } from '../interface/secret.js';
import { failureForAuthor } from './server-words.js';

const lines = ['MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkw', 'A0B1C2D3E4F5A0B1C2D3E4F5A0B1C2D3E4F5'];
const pem = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----'].join('\n');
const logins = {
  password: { login: { password: new Secret('ghp_0123456789abcdef') }, said: 'ghp_0123456789abcdef' },
  'a line of a key': { login: { privateKey: new Secret([{ name: 'id', value: pem }]) }, said: lines[1] },
  'a line of a key in JSON': {
    login: { keyFile: new Secret([{ name: 'k', value: JSON.stringify({ private_key: pem }) }]) },
    said: lines[0],
  },
};

describe('what a server says', () => {
  it.each(Object.entries(logins))('is left out, code and all, if it is %s', (_, { login, said = '' }) => {
    const message = `refused ${said}`;
    for (const words of [{ nativeCode: said }, { nativeCode: '42', server: { message } }, { code: said }]) {
      const cause = Object.assign(new Error('not kept'), { code: '42', ...words });
      const error = new ConnectorError('invalid_query', 'It failed.', { ...words, cause, retryable: true });
      const shown = failureForAuthor(error, 'select 1', login) as ConnectorError;
      expect([shown.kind, shown.message, shown.isRetryable]).toEqual(['invalid_query', 'It failed.', true]);
      expect([shown.nativeCode, shown.server, shown.cause]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('goes to the author of a statement, and its code to every caller', () => {
    const error = new ConnectorError('invalid_query', 'It failed.', {
      ...{ nativeCode: '42601', server: { message: 'syntax error', position: 3 } },
    });
    const login = logins.password.login;
    expect(failureForAuthor(error, 'selec', login)).toMatchObject({
      nativeCode: '42601',
      server: error.server,
    });
    const others = failureForAuthor(error, undefined, login) as ConnectorError;
    expect([others.nativeCode, others.server]).toEqual(['42601', undefined]);
  });
});
