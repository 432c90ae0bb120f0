/** Says which setting is wrong and how to mend it. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
