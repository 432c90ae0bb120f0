import { HttpFailure, retryAfterSeconds } from '../http/failures.js';
import { isObject, type JsonObject, objectIn, objectsIn, textIn } from './members.js';

// Failures as Google's APIs tell them (https://cloud.google.com/apis/design/errors and the `errors` of older APIs).

/** What an API says about a failure. */
interface Said {
  code: string | undefined;
  words: string | undefined;
  /** Line and column of a statement, as `2:17`. */
  place: string | undefined;
}

/** @param error with `reason` and `message` */
function saidIn(error: JsonObject): Said {
  const words = textIn(error, 'message');
  const [, line, column] = /\[(\d{1,7}):(\d{1,7})\]/.exec(words ?? '') ?? [];
  return { code: textIn(error, 'reason'), words, place: line && `${line}:${column}` };
}

/** A request that an API refused. */
export class GoogleFailure extends HttpFailure implements Said {
  readonly words: string | undefined;
  readonly place: string | undefined;

  constructor(response: Response, { code, words, place }: Said) {
    super(response.status, {
      code,
      retryAfterSeconds: retryAfterSeconds(response.headers.get('retry-after')),
    });
    this.words = words;
    this.place = place;
  }
}

/** Work that an API accepted and that failed. */
export class GoogleWorkFailure extends Error implements Said {
  override name = 'GoogleWorkFailure';
  readonly code: string | undefined;
  readonly words: string | undefined;
  readonly place: string | undefined;

  constructor(error: JsonObject) {
    super('The work failed.');
    const { code, words, place } = saidIn(error);
    this.code = code;
    this.words = words;
    this.place = place;
  }
}

function documentIn(body: string): JsonObject {
  try {
    const document: unknown = JSON.parse(body);
    return isObject(document) ? document : {};
  } catch {
    return {};
  }
}

/** A response of an API that is not 2xx. */
export function failureIn(response: Response, body: string): GoogleFailure {
  const [first = {}] = objectsIn(objectIn(documentIn(body), 'error'), 'errors');
  return new GoogleFailure(response, saidIn(first));
}

/** A response of the token endpoint that is not 2xx (RFC 6749 section 5.2). Its description is not passed on. */
export function tokenFailureIn(response: Response, body: string): GoogleFailure {
  const code = textIn(documentIn(body), 'error');
  return new GoogleFailure(response, { code, words: undefined, place: undefined });
}
