// What a packet of a MySQL server looks like. Source: MySQL manual, "MySQL Packets".
import { brokenFrame, type FrameFormat } from '../../kit/frame-guard.js';

/** Length of the payload, then the number of the packet. */
const HEAD_BYTES = 4;
/** A payload of this size goes on in the next packet, which is empty where nothing is left. */
const PAYLOAD_BYTES_MAX = 0xff_ff_ff;

/** Packets of one stream of bytes. */
export function mySqlFrames(): FrameFormat {
  let isContinued = false;
  return {
    headBytes: HEAD_BYTES,
    sizeAt: (bytes, at) => HEAD_BYTES + bytes.readUIntLE(at, 3),
    check(_bytes, at, end) {
      const payloadBytes = end - at - HEAD_BYTES;
      // The driver would take the head of the next packet for the payload.
      if (payloadBytes === 0 && !isContinued) throw brokenFrame();
      isContinued = payloadBytes === PAYLOAD_BYTES_MAX;
    },
  };
}

/**
 * Packets before TLS: the greeting or a refusal, and nothing behind it, which somebody on the way could have added
 * for the driver to believe once the connection is secure.
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
