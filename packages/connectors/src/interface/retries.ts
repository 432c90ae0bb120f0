/** Retry budget, shared by all uses of a source; `origin` is its host and port. */
export interface Retries {
  /** Takes one retry. @returns false when the budget is empty */
  take(origin: string): Promise<boolean>;
  /** Returns a retry that was taken but not used. */
  giveBack(origin: string): void;
  /** A request was answered, which earns a fraction of a retry. */
  earn(origin: string): void;
}
