import { ConfigError } from './config-error.js';
import { environmentSettings } from './config-reference.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Read by other `mooring` commands, which may share an environment with the server. */
const ofOtherCommands = ['MOORING_URL', 'MOORING_API_KEY'];

const known: ReadonlySet<string> = new Set([
  ...environmentSettings.map(({ name }) => name),
  ...ofOtherCommands,
]);

/** `tcp://10.0.0.1:8080`: what Kubernetes and Docker links set instead of a port. */
export const isServiceLink = (value: string): boolean => /^(?:tcp|udp|sctp):\/\//.test(value);

const linkPattern =
  /^_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/**
 * True for what Kubernetes sets for a Service whose name begins with `mooring` (enableServiceLinks): host and port,
 * one variable per named port, and legacy Docker links.
 */
function isOfService(name: string, environment: Environment): boolean {
  const suffix = '_SERVICE_HOST';
  return Object.keys(environment).some((host) => {
    const service = host.endsWith(suffix) ? host.slice(0, -suffix.length) : undefined;
    return service !== undefined && name.startsWith(service) && linkPattern.test(name.slice(service.length));
  });
}

/**
 * A misspelt variable would leave its setting at the default, silently.
 * @throws ConfigError naming the variables, never their values
 */
export function refuseUnknownVariables(environment: Environment): void {
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('MOORING_') && !known.has(name) && !isOfService(name, environment),
  );
  if (unknown.length === 0) return;
  throw new ConfigError(
    `${unknown.toSorted().join(', ')}: not a setting of Mooring. Remove or rename it; docs/reference/configuration.md lists all settings.`,
  );
}
