/** Changes that did not get through to the server: told in one message, and tried again in the order in which they were made. */
import { notes } from "./notes.svelte";

interface Change {
  /** which change it is: one that is made anew takes the place of the one before */
  key: string;
  /** as people call it */
  what: string;
  act: () => Promise<unknown>;
  /** it is given up, or about to be tried again */
  left?: () => void;
}

export class Unsaved {
  #changes: Change[] = [];

  /** `kind`: there is one message of each; `label`: of the button that tries again. */
  constructor(
    private readonly kind: string,
    private readonly message: (whats: string[]) => string,
    private readonly label: (count: number) => string,
  ) {}

  add(change: Change): void {
    this.#changes = [...this.#changes.filter(({ key }) => key !== change.key), change];
    const whats = [...new Set(this.#changes.map(({ what }) => what))];
    notes.say(this.message(whats), "problem", { label: this.label(whats.length), act: () => void this.#again(), leave: () => void this.#take() }, true, this.kind);
  }

  #take(): Change[] {
    const all = this.#changes;
    this.#changes = [];
    for (const { left } of all) left?.();
    return all;
  }

  /** One after the other: a later one may stand on an earlier one. What does not get through once more comes back here by itself. */
  async #again(): Promise<void> {
    for (const { act } of this.#take()) await act();
  }
}
