import { failureOf, meaningOfStatus } from '../../families/http/failures.js';
import type { ConnectorError } from '../../interface/errors.js';

const remedies: Readonly<Record<number, string>> = {
  400: 'Check method, body, query parameters and headers of the connection.',
  404: 'Check the path of the URL.',
  405: 'Check the method of the connection.',
};

/** The error for a non-2xx status. The body is ignored: a source may repeat secrets in it. */
export function fromResponse(response: Response): ConnectorError {
  const remedy = remedies[response.status];
  const meaning = meaningOfStatus(response.status);
  return failureOf(
    remedy === undefined ? meaning : { ...meaning, remedy },
    response,
    String(response.status),
  );
}
