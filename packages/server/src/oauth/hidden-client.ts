import { Secret } from '@mooring/connectors/spec/secret';
import type { OAuthClient } from './types.js';

interface PlainClient {
  clientId: string;
  clientSecret?: string | undefined;
  privateKey?: string | undefined;
}

/** An OAuth client, whose texts come from a store or from a configuration. */
export const hiddenClient = <Client extends PlainClient>({
  clientSecret,
  privateKey,
  ...named
}: Client): Omit<Client, 'clientSecret' | 'privateKey'> &
  Pick<OAuthClient, 'clientId' | 'clientSecret' | 'privateKey'> => ({
  ...named,
  ...(clientSecret === undefined ? {} : { clientSecret: new Secret(clientSecret) }),
  ...(privateKey === undefined ? {} : { privateKey: new Secret(privateKey) }),
});
