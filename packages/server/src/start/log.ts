import pino, { type DestinationStream, type Logger } from 'pino';
import { framesOf } from '../core/errors/error-frames.js';

interface LoggedError {
  type: string;
  code?: string;
  message?: string;
  frames?: string[];
  cause?: LoggedError;
}

/** Errors whose words are ours; whatever a driver or a source says may repeat a login. */
const ownTypes = new Set([
  'AppError',
  'ConfigError',
  'ConnectorError',
  'KeyError',
  'OAuthError',
  'OutcomeUnknownError',
  'StoreError',
  'StoreFullError',
  'StoreUnavailableError',
  'UnreadableError',
]);

/** An error as it may be logged: type, code and place; its words only when they are ours. */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? { code } : {}),
    ...(ownTypes.has(error.name) ? { message: error.message } : {}),
    ...(depth === 0 ? { frames: framesOf(error).slice(0, 12) } : {}),
    ...(error.cause !== undefined && depth < 4 ? { cause: loggedError(error.cause, depth + 1) } : {}),
  };
}

/**
 * Log lines as JSON on standard error, or where a test wants them. A slow reader of standard error does not hold up
 * requests: lines wait in memory, and whatever waits is written when the process exits.
 */
export function createLog(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: false }),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => loggedError(error) },
      // A second line of defence: nothing is logged under these names on purpose.
      redact: {
        paths: ['authorization', '*.authorization', 'password', '*.password', 'token', '*.token'],
        censor: '[secret]',
      },
    },
    destination,
  );
}
