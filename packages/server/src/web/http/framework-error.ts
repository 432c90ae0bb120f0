import { AppError } from '../../core/errors/app-error.js';

/** Errors that Fastify itself throws, as answers of the contract; any other value as it is. */
export function translateFrameworkError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('BODY-TOO-LARGE', 'The body may be at most 1 MiB.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('UNSUPPORTED-MEDIA-TYPE', 'Send the body as application/json.');
    default:
      // Broken JSON, content length that does not fit, bad percent encoding: the client's fault by status.
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? new AppError('DCERROR-0010', 'The request cannot be read: broken JSON, encoding or length.')
        : error;
  }
}
