import { collectJson } from '@mooring/connectors/kit/json/document';
import { parseSpan } from '@mooring/connectors/kit/json/spans';

/**
 * Answers that this process parses are small: tokens, metadata, a key. The process holds all keys, so it parses
 * nothing larger.
 */
const caps = {
  documentBytes: 256 * 1024,
  document: { depth: 32, values: 10_000, names: 5_000, tokenBytes: 1024 },
};
const remedy = 'Ask the operator of that service what it answers.';

/**
 * The JSON of a small answer, whatever type it claims to be; measured before it is parsed.
 * @returns undefined for text that is not JSON
 * @throws ConnectorError `too_large` for a larger answer, and errors of reading the body
 */
export async function readAnswerJson({ body }: Response): Promise<unknown> {
  const reader = body?.getReader();
  try {
    const json = await collectJson({ next: async () => (await reader?.read())?.value, caps, remedy });
    return json === undefined ? undefined : parseSpan(json);
  } catch (error) {
    // The unread rest would hold a connection.
    await reader?.cancel().catch(() => undefined);
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
