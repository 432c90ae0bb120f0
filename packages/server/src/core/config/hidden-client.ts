import { Secret } from '@mooring/connectors/interface/secret';

interface PlainClient {
  clientId: string;
  clientSecret?: string | undefined;
  privateKey?: string | undefined;
}

interface HiddenClient {
  clientId: string;
  clientSecret?: Secret<string>;
  privateKey?: Secret<string>;
}

/** An OAuth client with its secrets wrapped in `Secret`. */
export const hiddenClient = <Client extends PlainClient>({
  clientSecret,
  privateKey,
  ...named
}: Client): Omit<Client, 'clientSecret' | 'privateKey'> & HiddenClient => ({
  ...named,
  ...(clientSecret === undefined ? {} : { clientSecret: new Secret(clientSecret) }),
  ...(privateKey === undefined ? {} : { privateKey: new Secret(privateKey) }),
});
