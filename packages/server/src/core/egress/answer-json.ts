import { collectJson } from '@mooring/connectors/kit/json/document';
import { parseSpan } from '@mooring/connectors/kit/json/spans';

/** Answers that are parsed in this process, which holds everybody's keys, are a few members: tokens, metadata, a key. */
const caps = {
  documentBytes: 256 * 1024,
  document: { depth: 32, values: 10_000, names: 5_000, tokenBytes: 1024 },
};
const remedy = 'Ask who runs the service what it answers.';

/**
 * The JSON of a small answer, whatever type it claims to be; measured before it is parsed.
 * @returns undefined for what is no JSON
 * @throws ConnectorError `too_large` for more than such an answer has, and as reading the body does
 */
export async function readAnswerJson({ body }: Response): Promise<unknown> {
  const reader = body?.getReader();
  try {
    const json = await collectJson({ next: async () => (await reader?.read())?.value, caps, remedy });
    return json === undefined ? undefined : parseSpan(json);
  } catch (error) {
    // What is left of it holds a connection.
    await reader?.cancel().catch(() => undefined);
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
