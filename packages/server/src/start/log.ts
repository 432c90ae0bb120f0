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

/** How long a line may wait for others, so that many are written at once; half of what is promised. */
const lateMs = 5;
const bytesAtOnce = 12 * 1024;

/**
 * Standard error, written in batches. A slow reader does not hold up requests: lines wait in memory. pino writes whatever
 * waits when the process exits.
 */
function standardError(): DestinationStream & { flushSync(): void } {
  // As buffers: appending to text would copy the whole batch for each line.
  const lines = pino.destination({ dest: 2, sync: false, contentMode: 'buffer', minLength: bytesAtOnce });
  let isWaiting = false;
  return {
    write(line) {
      lines.write(Buffer.from(line) as unknown as string);
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(() => {
        isWaiting = false;
        lines.flush();
      }, lateMs);
    },
    /** pino calls it after a fatal line. */
    flushSync: () => lines.flushSync(),
  };
}

/** Log lines as JSON on standard error, at most 10 ms late, or where a test wants them. */
export function createLog(level: string, destination: DestinationStream = standardError()): Logger {
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
