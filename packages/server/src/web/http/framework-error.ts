import { AppError } from '../../core/errors/app-error.js';

/** Translates errors of Fastify to those of the contract; returns any other value unchanged. */
export function translateFrameworkError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('BODY-TOO-LARGE', 'The body may be at most 1 MiB.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('UNSUPPORTED-MEDIA-TYPE', 'Send the body as application/json.');
    default:
      // Broken JSON, wrong content length, bad percent encoding: the client's fault, as the status says.
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? new AppError('DCERROR-0010', 'The request cannot be read: broken JSON, encoding or length.')
        : error;
  }
}
