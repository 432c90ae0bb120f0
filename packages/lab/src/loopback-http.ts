import { createServer, type IncomingMessage, type RequestListener } from 'node:http';

/** A listening HTTP server on 127.0.0.1. */
export interface LoopbackServer {
  port: number;
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  url: string;
  /** Ends every connection and stops listening. Idempotent. */
  close(): Promise<void>;
}

/** An answer that replaces the server's own. */
export interface CannedAnswer {
  status: number;
  body: string;
  /** `application/json` by default. */
  contentType?: string;
  headers?: Record<string, string>;
}

/**
 * Listens on 127.0.0.1 before it knows its handler, for servers that need their own address to be built.
 * @param port 0: a free one.
 * @param createHandler Gets the base URL.
 * @throws the listen error, for instance `EADDRINUSE`.
 */
export async function listenOnLoopback(
  port: number,
  createHandler: (url: string) => RequestListener | Promise<RequestListener>,
): Promise<LoopbackServer> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  const url = `http://127.0.0.1:${address.port}`;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closing;
  };
  try {
    server.on('request', await createHandler(url));
  } catch (error) {
    await close();
    throw error;
  }
  return { port: address.port, url, close };
}

/** The whole request body. @throws Error beyond `bytesMax`. */
export async function readRequestBody(request: IncomingMessage, bytesMax = 1_000_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`The request body is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
