import { PassThrough } from 'node:stream';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from './__fixtures__/canary.js';
import { readAnswerJson } from './answer-json.js';
import { readBody } from './response-body.js';

function buildBody(unreadTimeoutMs: number) {
  const source = new PassThrough();
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const translate = (error: unknown) =>
    error instanceof ConnectorError
      ? error
      : new ConnectorError('protocol_error', 'Unexpected.', { cause: error });
  const body = readBody(source, '', { bytesMax: 1_000, unreadTimeoutMs }, { translate, onClosed: close });
  return { source, closed, reader: body.getReader() };
}

describe('a body that its consumer does not read', () => {
  it('is abandoned, whether it was ever read or not', async () => {
    for (const isReadOnce of [false, true]) {
      const { source, closed, reader } = buildBody(10);
      source.write('half');
      if (isReadOnce) expect(String(Buffer.from((await reader.read()).value ?? []))).toBe('half');
      await closed;
      expect(source.destroyed).toBe(true);
      expect(await rejectionOf(reader.read())).toMatchObject({ kind: 'timeout' });
    }
  });

  it('is abandoned when it has arrived as a whole, without an uncaught error', async () => {
    const { source, closed, reader } = buildBody(10);
    source.end('half');
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await rejectionOf(reader.read())).toMatchObject({ kind: 'timeout' });
  });

  it('waits for a slow source while the consumer reads', async () => {
    const { source, closed, reader } = buildBody(10);
    const pending = reader.read();
    await new Promise((resolve) => setTimeout(resolve, 30));
    source.end('late');
    expect(String(Buffer.from((await pending).value ?? []))).toBe('late');
    expect((await reader.read()).done).toBe(true);
    await closed;
  });
});

describe('the JSON of an answer', () => {
  it('is read whatever type the answer claims, and other text is not JSON', async () => {
    const read = (body: string | null, type = 'text/html') =>
      readAnswerJson(new Response(body, { headers: { 'content-type': type } }));
    expect(await read('{"a":[1,null,"b"]}')).toEqual({ a: [1, null, 'b'] });
    for (const text of ['', '<html>', '{"a":1', '{"a":1}}', null]) expect(await read(text)).toBeUndefined();
  });

  it.each([
    ['too long', `"${'a'.repeat(300 * 1024)}"`],
    ['one number too long', `[${'1'.repeat(100 * 1024)}`],
    ['too deep', '['.repeat(40)],
    ['of too many values', `[${'0,'.repeat(20_000)}`],
  ])('is not read when it is %s, and the answer is left', async (_what, start) => {
    let isLeft = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from(start)),
      cancel: () => {
        isLeft = true;
      },
    });
    expect(await rejectionOf(readAnswerJson(new Response(body)))).toMatchObject({ kind: 'too_large' });
    expect(isLeft).toBe(true);
  });

  it('fails as its body does', async () => {
    const failure = new ConnectorError('unreachable', 'It is gone.');
    const body = new ReadableStream({ pull: (controller) => controller.error(failure) });
    expect(await rejectionOf(readAnswerJson(new Response(body)))).toBe(failure);
  });
});
