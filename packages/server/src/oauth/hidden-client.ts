import { Secret } from '@mooring/connectors/spec/secret';

/** An OAuth client, whose texts may come from a store or from a configuration. */
export const hiddenClient = <Client extends { clientSecret?: string; privateKey?: string }>({
  clientSecret,
  privateKey,
  ...named
}: Client) => ({
  ...named,
  ...(clientSecret === undefined ? {} : { clientSecret: new Secret(clientSecret) }),
  ...(privateKey === undefined ? {} : { privateKey: new Secret(privateKey) }),
});
