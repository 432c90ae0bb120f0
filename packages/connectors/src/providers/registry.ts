import type { ProviderManifest } from '../interface/provider.js';
import { provider as atlassian } from './atlassian.js';
import { provider as auth0 } from './auth0.js';
import { provider as box } from './box.js';
import { provider as databricks } from './databricks.js';
import { provider as dropbox } from './dropbox.js';
import { provider as entra } from './entra.js';
import { provider as github } from './github.js';
import { provider as google } from './google.js';
import { provider as hubspot } from './hubspot.js';
import { provider as keycloak } from './keycloak.js';
import { provider as oidc } from './oidc.js';
import { provider as okta } from './okta.js';
import { provider as salesforce } from './salesforce.js';
import { provider as slack } from './slack.js';
import { provider as snowflake } from './snowflake.js';
import { provider as zendesk } from './zendesk.js';

/** One line per provider. */
export const providers: readonly ProviderManifest[] = [
  google,
  entra,
  snowflake,
  databricks,
  salesforce,
  dropbox,
  github,
  box,
  hubspot,
  zendesk,
  atlassian,
  slack,
  oidc,
  okta,
  auth0,
  keycloak,
];

export const findProvider = (id: unknown): ProviderManifest | undefined =>
  providers.find((provider) => provider.id === id);
