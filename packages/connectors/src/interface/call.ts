/** One piece of work in a session. */
export interface Call {
  /** Ends this work, not the session. */
  signal: AbortSignal;
  /** A preview or a test: far lower caps apply to what the source sends. */
  isPreview: boolean;
}
