import type { Socket } from 'node:net';
import { brokenFrame, createFrameGuard, type FrameFormat, type WireBudget } from '../../kit/frame-guard.js';

const mebibyte = 1_048_576;

/** LDAPMessage: a SEQUENCE of definite length (RFC 4511 section 5.1). The least one has seven bytes. */
const format: FrameFormat = {
  headBytes: 6,
  sizeAt(bytes, at) {
    const first = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0x30 || first === 0x80 || first > 0x84) throw brokenFrame();
    const size = first < 0x80 ? 2 + first : 2 + (first - 0x80) + bytes.readUIntBE(at + 2, first - 0x80);
    if (size < 7) throw brokenFrame();
    return size;
  },
  check: () => undefined,
};

/** What a server may send for one request: a page of entries, each a message. */
function budgetOf(bytesMax: number, tooMuch: () => Error): WireBudget {
  let left = bytesMax;
  return {
    frameBytesMax: 8 * mebibyte,
    received(bytes) {
      left -= bytes;
      if (left < 0) throw tooMuch();
    },
  };
}

export interface LdapGuard {
  /** Checks what this socket receives from here on, and cuts it when the server sends too much or something else. */
  watch(socket: Socket): void;
  /** Begins a request. */
  begin(): void;
  /** Runs a request. @throws the refusal of what the server sent, if there was one */
  guarding<Result>(request: Promise<Result>): Promise<Result>;
}

/** The driver keeps what arrives until a message is whole, whatever length it states, and a page until it is whole. */
export function createLdapGuard(tooMuch: () => Error): LdapGuard {
  let refusal: unknown;
  let watched: Socket | undefined;
  const guard = createFrameGuard({
    format,
    budget: budgetOf(mebibyte, tooMuch),
    // The driver reads the socket itself.
    deliver: () => undefined,
    fail(error) {
      refusal = error;
      watched?.destroy();
    },
  });
  return {
    watch(socket) {
      watched?.off('data', guard.receive);
      watched = socket.on('data', guard.receive);
    },
    begin: () => guard.allow(budgetOf(32 * mebibyte, tooMuch)),
    guarding: (request) =>
      request.catch((error: unknown) => {
        throw refusal ?? error;
      }),
  };
}
