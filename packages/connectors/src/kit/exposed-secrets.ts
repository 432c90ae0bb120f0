import { propertyMeta } from '../spec/fields.js';
import type { PropertyProblem, SourceManifest } from '../spec/manifest.js';

// Definitions are shown to all who see a connection, and lie in archives in the clear. A query parameter whose name says
// that its value is a credential has no place there.

/** Names of query parameters, in lower case and without separators. */
const credentialNames = new Set(
  (
    'key apikey appkey appsecret accesskey authkey subscriptionkey xapikey secret apisecret clientsecret sig signature ' +
    'token tok accesstoken apitoken authtoken idtoken refreshtoken bearertoken sessiontoken usertoken privatetoken jwt ' +
    'password passwd pwd pass auth authorization code sid sessionid ' +
    'xamzsignature xamzcredential xamzsecuritytoken xgoogsignature xgoogcredential'
  ).split(' '),
);

export const isCredentialName = (name: string): boolean =>
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
 * @param stored the definition as it stands: what an earlier version took may stay as it is
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
        `must not carry a credential, for definitions are shown: ${name.slice(0, 64)} looks like one. ` +
        (manifest.queryCredential ?? 'Give it in the property that is for it'),
    }));
}
