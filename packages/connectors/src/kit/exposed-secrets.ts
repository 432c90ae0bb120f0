import { propertyMeta } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';

// Definitions are visible to everyone who sees a connection, and are stored in backups in clear text. A query parameter
// whose name indicates a credential does not belong there.

/** Names of query parameters, lower-cased and without separators. */
const credentialNames = new Set(
  (
    'key apikey appkey appsecret accesskey authkey subscriptionkey xapikey secret apisecret clientsecret sig signature ' +
    'token tok accesstoken apitoken authtoken idtoken refreshtoken bearertoken sessiontoken usertoken privatetoken jwt ' +
    'password passwd pwd pass auth authorization code sid sessionid ' +
    'xamzsignature xamzcredential xamzsecuritytoken xgoogsignature xgoogcredential'
  ).split(' '),
);

const isCredentialName = (name: string): boolean =>
  credentialNames.has(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));

type Definition = Readonly<Record<string, unknown>>;

interface Parameter {
  property: string;
  name: string;
  value: string;
}

function parametersOf(manifest: SourceManifest, definition: Definition): Parameter[] {
  return Object.entries(definition).flatMap(([property, value]) => {
    const schema = manifest.properties.shape[property];
    const meta = schema && propertyMeta(schema as never);
    if (meta?.dials === 'url' && typeof value === 'string' && URL.canParse(value))
      return [...new URL(value).searchParams].map(([name, text]) => ({ property, name, value: text }));
    if (meta?.sentInQuery && Array.isArray(value))
      return (value as Omit<Parameter, 'property'>[]).map((pair) => ({ ...pair, property }));
    return [];
  });
}

/**
 * Query parameters of a definition that carry a credential.
 * @param stored the current definition: values that an earlier version accepted may stay unchanged
 */
export function exposedSecrets(
  manifest: SourceManifest,
  definition: Definition,
  stored: Definition = {},
): PropertyProblem[] {
  const before = parametersOf(manifest, stored);
  return parametersOf(manifest, definition)
    .filter(({ name, value }) => value !== '' && isCredentialName(name))
    .filter(({ name, value }) => !before.some((former) => former.name === name && former.value === value))
    .map(({ property, name }) => ({
      property,
      message:
        `must not carry a credential, because definitions are visible: ${name.slice(0, 64)} looks like one. ` +
        (manifest.queryCredential ?? 'Use the property for credentials instead'),
    }));
}
