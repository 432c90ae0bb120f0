/** One problem with one property; the message names it. */
export interface PropertyProblem {
  property: string;
  message: string;
}
