/** Something an operator does for connectors: `npm run credentials -- <name>`. None of it needs a server. */
export interface Action {
  readonly help: string;
  /**
   * @param words what stands behind the name
   * @throws Error with a message for people; the process then ends with 1
   */
  readonly run: (words: readonly string[]) => Promise<void>;
}
