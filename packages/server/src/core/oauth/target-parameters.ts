import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';

/** Audience of the token: `resource` (RFC 8707 section 2) and `audience`, in every request of a grant. */
export const targetParameters = ({
  resource,
  audience,
}: Pick<OAuthPreset, 'resource' | 'audience'>): Record<string, string> => ({
  ...(resource === undefined ? {} : { resource }),
  ...(audience === undefined ? {} : { audience }),
});
