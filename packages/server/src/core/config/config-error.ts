/** The message says which setting is wrong and how to correct it. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
