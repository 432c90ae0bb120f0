import { z } from 'zod';
import type { Endpoint } from '../../interface/endpoint.js';
import { type PropertyMeta, property, propertyMeta } from '../../interface/fields.js';
import type { Logins, Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { revealed } from '../../interface/secret.js';
import type { Context, Session } from '../../interface/session.js';
import type { AnySource, Connector, Source } from '../../interface/source.js';
import { hostProperty, portSchema } from '../host.js';
import { sshErrors } from './errors.js';
import { hostKeyConflicts, hostKeyOf, hostKeyProperties } from './host-key.js';
import {
  lackingPassphrase,
  type SshLogin,
  type SshLoginNames,
  sshLoginFields,
  wrongPassphrase,
} from './login.js';

// A source behind an SSH server, which opens the connections to it. The gate checks the tunnel's address; what the
// tunnel's server can reach is its own business.

const sshPort = 22;

/** A property of SSH under another name, said to be the tunnel's. */
function ofTunnel<Schema extends z.ZodType>(schema: Schema, change: Partial<PropertyMeta> = {}): Schema {
  const meta = propertyMeta(schema) as PropertyMeta;
  return property(schema, { ...meta, title: `Tunnel: ${meta.title.toLowerCase()}`, ...change });
}

const tunnelProperties = {
  tunnelHost: ofTunnel(hostProperty.optional(), {
    description:
      'Host name or IP address of an SSH server that connects to the source. Host and port of the source are then those that the SSH server sees.',
    placeholder: 'bastion.example.com',
  }),
  // Without a default, which would be part of the destinations of connections without a tunnel.
  tunnelPort: property(portSchema.optional(), {
    title: 'Tunnel: port',
    description: 'Port of the SSH server. Default: 22.',
    decides: 'value',
  }),
  tunnelPublicKeyAlgorithm: ofTunnel(hostKeyProperties.publicKeyAlgorithm),
  tunnelPublicKey: ofTunnel(hostKeyProperties.publicKey),
  tunnelPublicKeyFingerprint: ofTunnel(hostKeyProperties.publicKeyFingerprint),
};

const tunnelFields = {
  tunnelUsername: ofTunnel(sshLoginFields.username.optional()),
  tunnelPassword: ofTunnel(sshLoginFields.password),
  tunnelPrivateKey: ofTunnel(sshLoginFields.privateKey),
  tunnelPrivateKeyPassphrase: ofTunnel(sshLoginFields.privateKeyPassphrase),
};

const fieldNames: SshLoginNames = {
  username: 'tunnelUsername',
  password: 'tunnelPassword',
  privateKey: 'tunnelPrivateKey',
  passphrase: 'tunnelPrivateKeyPassphrase',
};

type Tunnel = z.output<z.ZodObject<typeof tunnelProperties>>;

const pinOf = (tunnel: Tunnel) => ({
  publicKeyAlgorithm: tunnel.tunnelPublicKeyAlgorithm,
  publicKey: tunnel.tunnelPublicKey,
  publicKeyFingerprint: tunnel.tunnelPublicKeyFingerprint,
});

function conflictsOf(definition: Values): PropertyProblem[] {
  const tunnel = definition as Tunnel;
  if (tunnel.tunnelHost === undefined) {
    return Object.keys(tunnelProperties)
      .filter((name) => definition[name] !== undefined)
      .map((name) => ({ property: name, message: 'has no effect without tunnelHost' }));
  }
  return hostKeyConflicts(pinOf(tunnel)).map(({ property: name, message }) => ({
    property: `tunnel${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    message,
  }));
}

function lackingOf(definition: Values, login: Values): PropertyProblem[] {
  if (definition['tunnelHost'] === undefined) return [];
  const has = (name: string) => (revealed(login[name]) ?? '') !== '';
  const message = 'is required for the tunnel';
  return [
    ...(has('tunnelUsername') ? [] : [{ property: 'tunnelUsername', message }]),
    ...(has('tunnelPassword') || has('tunnelPrivateKey')
      ? []
      : [{ property: 'tunnelPassword', message: `or tunnelPrivateKey ${message}` }]),
    ...lackingPassphrase(login, fieldNames),
  ];
}

/** The ways of signing in, each also to the tunnel. */
const tunnelled = (logins: Logins): Logins =>
  Object.fromEntries(
    Object.entries(logins).map(([key, method]) => [
      key,
      {
        ...method,
        fields: { ...method.fields, ...tunnelFields },
        lacking: (definition: Values, login: Values) => [
          ...(method.lacking?.(definition, login) ?? []),
          ...lackingOf(definition, login),
        ],
        conflicts: (login: Values, definition: Values) => [
          ...(method.conflicts?.(login, definition) ?? []),
          ...wrongPassphrase(login, fieldNames),
        ],
      },
    ]),
  );

/** @returns undefined for a connection without a tunnel */
function endpointOf(tunnel: Tunnel): Endpoint | undefined {
  const { tunnelHost: host, tunnelPort: port = sshPort } = tunnel;
  if (host === undefined) return undefined;
  const hostKey = hostKeyOf(pinOf(tunnel));
  return { role: 'tunnel', host, port, security: 'ssh', trust: hostKey ? { hostKey } : {} };
}

const without = (values: Values, names: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !(name in names)));

type AnyInput = Parameters<Awaited<ReturnType<AnySource['load']>>['connector']['open']>[0];

function connectorOf(base: Connector<AnyInput>): Connector<AnyInput> {
  return {
    errors: { ...base.errors, codes: { ...sshErrors, ...base.errors.codes } },
    async open(input: AnyInput, context: Context): Promise<Session> {
      const { properties, login } = input;
      const own = {
        ...input,
        properties: without(properties, tunnelProperties),
        login: { ...login, fields: without(login.fields, tunnelFields) },
      } as AnyInput;
      const endpoint = endpointOf(properties as Tunnel);
      if (endpoint === undefined) return base.open(own, context);
      const { tunnelUsername, tunnelPassword, tunnelPrivateKey, tunnelPrivateKeyPassphrase } =
        login.fields as Record<string, unknown>;
      const tunnelLogin = {
        username: tunnelUsername,
        password: tunnelPassword,
        privateKey: tunnelPrivateKey,
        passphrase: tunnelPrivateKeyPassphrase,
      } as SshLogin;
      const { throughTunnel } = await import('./tunnel.js');
      return throughTunnel(endpoint, tunnelLogin, context, (network) =>
        base.open(own, { ...context, network }),
      );
    },
  };
}

/**
 * A source that can be reached through an SSH server: its sockets go through one SSH connection for each session. For
 * sources that use sockets, not HTTP.
 */
export function withTunnel<P extends z.ZodObject, L extends Logins, S extends z.ZodObject>(
  source: Source<P, L, S>,
): AnySource {
  const base = source as unknown as AnySource;
  return {
    ...base,
    properties: z.strictObject({ ...base.properties.shape, ...tunnelProperties }),
    logins: tunnelled(base.logins),
    // `localhost` is another server behind each tunnel.
    ...(base.target ? { targetWay: ['tunnelHost', 'tunnelPort'] } : {}),
    conflicts: (definition) => [...(base.conflicts?.(definition) ?? []), ...conflictsOf(definition)],
    endpoints(properties, settings) {
      const found = base.endpoints(without(properties, tunnelProperties), settings);
      const tunnel = endpointOf(properties as Tunnel);
      return tunnel ? [tunnel, ...found.map((one): Endpoint => ({ ...one, via: 'tunnel' }))] : found;
    },
    load: async () => ({ connector: connectorOf((await base.load()).connector) }),
  };
}
