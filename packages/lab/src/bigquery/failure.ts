const reasons = {
  required: { code: 401, status: 'UNAUTHENTICATED' },
  authError: { code: 401, status: 'UNAUTHENTICATED' },
  accessDenied: { code: 403, status: 'PERMISSION_DENIED' },
  insufficientPermissions: { code: 403, status: 'PERMISSION_DENIED' },
  notFound: { code: 404, status: 'NOT_FOUND' },
  invalid: { code: 400, status: 'INVALID_ARGUMENT' },
  invalidQuery: { code: 400, status: 'INVALID_ARGUMENT' },
  stopped: { code: 499, status: 'CANCELLED' },
} as const;

/**
 * An error as BigQuery answers it.
 * Source: https://cloud.google.com/bigquery/docs/error-messages
 */
export class BigQueryFailure extends Error {
  readonly reason: keyof typeof reasons;
  readonly code: number;

  constructor(reason: keyof typeof reasons, message: string) {
    super(message);
    this.reason = reason;
    this.code = reasons[reason].code;
  }
}

/** The JSON body of a failure. */
export function failureBody(failure: BigQueryFailure) {
  const { reason, code, message } = failure;
  return {
    error: {
      code,
      message,
      errors: [{ message, domain: 'global', reason }],
      status: reasons[reason].status,
    },
  };
}
