/** A key cannot be rotated or retired now; the message says why. */
export class KeyRefusal extends Error {
  override name = 'KeyRefusal';
}
