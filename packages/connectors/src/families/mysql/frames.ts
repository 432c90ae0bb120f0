// The packet format of a MySQL server. Source: MySQL manual, "MySQL Packets".
import { brokenFrame, type FrameFormat } from '../../kit/frame-guard.js';

/** Payload length, then the sequence number. */
const HEAD_BYTES = 4;
/** A payload of this size continues in the next packet, which is empty if nothing is left. */
const PAYLOAD_BYTES_MAX = 0xff_ff_ff;

/** Packets of one byte stream. */
export function mySqlFrames(): FrameFormat {
  let isContinued = false;
  return {
    headBytes: HEAD_BYTES,
    sizeAt: (bytes, at) => HEAD_BYTES + bytes.readUIntLE(at, 3),
    check(_bytes, at, end) {
      const payloadBytes = end - at - HEAD_BYTES;
      // The driver would read the next packet's header as the payload.
      if (payloadBytes === 0 && !isContinued) throw brokenFrame();
      isContinued = payloadBytes === PAYLOAD_BYTES_MAX;
    },
  };
}

/**
 * Packets before TLS: the greeting or a refusal, and nothing after it. A man in the middle could append data that the
 * driver would trust once the connection is secure.
 */
export function clearMySqlFrames(refusal: () => Error): FrameFormat {
  let isGreeted = false;
  const format = mySqlFrames();
  return {
    ...format,
    sizeAt(bytes, at) {
      if (isGreeted) throw refusal();
      return format.sizeAt(bytes, at);
    },
    check(bytes, at, end) {
      format.check(bytes, at, end);
      isGreeted = true;
    },
  };
}
