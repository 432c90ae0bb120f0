import { z } from 'zod';
import { fieldPath, paginationProperties } from '../../families/api/pagination-properties.js';
import { httpLogins } from '../../families/http/logins.js';
import { headerSchema } from '../../families/http/request-headers.js';
import { signInProperties } from '../../families/http/sign-in-properties.js';
import { tlsProperties, tlsSettings } from '../../families/http/tls-properties.js';
import { httpUrl } from '../../families/http/urls.js';
import { line, property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import { isCharset } from '../../kit/charset.js';

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

const request = {
  url: property(httpUrl(), {
    title: 'URL',
    description: 'URL of the resource, http or https. Credentials are bound to all of it except the query.',
    decides: 'address',
    dials: 'url',
    placeholder: 'https://api.example.com/v1/items',
  }),
  // Method, body and headers count towards the destination: with another user's login they could do more than read.
  method: property(z.enum(['GET', 'POST']).default('GET'), {
    title: 'Method',
    description:
      'GET, or POST for services that take the query in a body. Must not change data at the service.',
  }),
  body: property(z.string().max(65_536).refine(isJson, 'must be JSON'), {
    title: 'Body',
    description: 'JSON text that is sent with POST; GET has no body.',
  }).optional(),
  timeout: property(z.int().min(1).max(600).default(30), {
    title: 'Timeout',
    description: 'Timeout of one request in seconds, including the response.',
    decides: 'nothing',
  }),
  queryParameters: property(
    z
      .array(z.strictObject({ name: line(256).min(1), value: line(4096) }))
      .max(64)
      .default([]),
    {
      title: 'Query parameters',
      description:
        'Appended to the URL of the first request. Visible to everyone who sees the connection, so not for secrets: see apiKeyParameter.',
      sentInQuery: true,
      decides: 'nothing',
    },
  ),
  queryHeaders: property(z.array(headerSchema).max(64).default([]), {
    title: 'Request headers',
    description:
      'Sent with every request. With encrypt: true the value is a secret of the credential, and Authorization is allowed; other values are visible. Transport and proxy headers are refused.',
  }),
  dataPath: fieldPath(
    'Data path',
    'Path of the rows; if it does not exist, there are no rows. Default: the list in the response. $: the whole response.',
  ).optional(),
  encoding: property(
    line(40).refine(isCharset, 'must be an encoding such as utf-8, utf-16le or windows-1252'),
    {
      title: 'Encoding',
      description:
        'Encoding of responses that declare none or a wrong one. Default: the declared encoding, else UTF-8.',
      decides: 'nothing',
    },
  ).optional(),
};

export const properties = z.strictObject({
  ...request,
  ...tlsProperties,
  ...signInProperties,
  ...paginationProperties,
});

export const logins = httpLogins;

export const settings = z.strictObject(tlsSettings);

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
