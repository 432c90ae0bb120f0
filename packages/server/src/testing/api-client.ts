import { metaOf } from '@mooring/connectors/kit/properties';
import { manifests } from '@mooring/connectors/registry';
import { createApiClient } from '@mooring/contract/client';
import { createInvitation, redeemInvitation } from '@mooring/contract/routes/invitations';
import type { TenantRole } from '@mooring/contract/routes/users';
import { isSecretName, knowNoSecret, knowSecret, knowSecretsIn } from '@mooring/lab/known-secrets';

/** An answer with its body read: parsed if it is JSON, text otherwise. */
export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  text: string;
  headers: Headers;
}

export interface ApiClient {
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  delete(path: string, headers?: Record<string, string>): Promise<Answer>;
}

const secretProperties = new Set(
  manifests.flatMap((manifest) =>
    Object.keys(manifest.properties.shape).filter((property) => metaOf(manifest, property).secret),
  ),
);
const isSecret = (name: string): boolean => secretProperties.has(name) || isSecretName(name);

/** HTTP as an external client. Secrets that it sends and receives are searched for when the server ends. */
export function apiClient(url: string, key: string | undefined): ApiClient {
  if (key !== undefined) knowSecret('API key', key);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    extra: Record<string, string> = {},
  ): Promise<Answer> => {
    const headers: Record<string, string> = { ...extra };
    if (key !== undefined) headers['authorization'] = `Bearer ${key}`;
    if (body !== undefined) headers['content-type'] ??= 'application/json';
    // Without a query: tests put secrets there too.
    const door = `${method} ${path.split('?')[0]}`;
    knowSecretsIn(`sent to ${door}`, body, isSecret);
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    const answered = isJson && text !== '' ? JSON.parse(text) : undefined;
    // The id of a device sign-in is sent as authCode, since there is no code.
    if (typeof answered?.signInId === 'string') knowNoSecret(answered.signInId);
    knowSecretsIn(`answered to ${door}`, answered, isSecret);
    return {
      status: response.status,
      body: answered,
      text,
      headers: response.headers,
    };
  };
  return {
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body, headers) => call('POST', path, body ?? {}, headers),
    put: (path, body, headers) => call('PUT', path, body ?? {}, headers),
    patch: (path, body, headers) => call('PATCH', path, body ?? [], headers),
    delete: (path, headers) => call('DELETE', path, undefined, headers),
  };
}

/** A user with their own API key. */
export interface TestUser {
  id: string;
  key: string;
  api: ApiClient;
}

/** Adds a user in the regular way: invited by an administrator, with a key that they create. */
export async function addUser(
  url: string,
  adminKey: string,
  subject: string,
  roles: TenantRole[] = [],
): Promise<TestUser> {
  const admin = createApiClient({ url, token: adminKey });
  const invitation = await admin.call(createInvitation, { body: { subject, name: subject, roles } });
  const { id, key } = await redeem(url, invitation.token, `key of ${subject}`);
  return { id, key, api: apiClient(url, key) };
}

/** Creates a key with the token of an invitation. */
export async function redeem(
  url: string,
  invitation: string,
  description?: string,
): Promise<{ id: string; key: string }> {
  knowSecret('invitation', invitation);
  const redeemed = await createApiClient({ url }).call(redeemInvitation, {
    body: { token: invitation, ...(description === undefined ? {} : { description }) },
  });
  return { id: redeemed.user.id, key: redeemed.apiKey.token };
}
