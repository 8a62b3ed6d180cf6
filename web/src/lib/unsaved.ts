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

/** kinds with something that would be lost with the page: the browser asks before it leaves */
const holding = new Set<Unsaved>();
const hold = (event: BeforeUnloadEvent) => event.preventDefault();
let made = 0;

export class Unsaved {
  #changes: Change[] = [];
  /** of its message: another session, and the same one opened anew, have messages of their own */
  readonly #message: string;

  /** `label`: of the button that tries again. */
  constructor(
    private readonly message: (whats: string[]) => string,
    private readonly label: (count: number) => string,
  ) {
    this.#message = `unsaved ${++made}`;
  }

  add(change: Change): void {
    this.#hold([...this.#changes.filter(({ key }) => key !== change.key), change]);
    this.#tell();
  }

  /** A later change of that got through, or what it was of ("key/part") is gone: the one before is not to be made over it. */
  done(key: string): void {
    const past = this.#changes.filter((one) => one.key === key || one.key.startsWith(`${key}/`));
    if (!past.length) return;
    this.#hold(this.#changes.filter((one) => !past.includes(one)));
    for (const { left } of past) left?.();
    if (this.#changes.length) this.#tell();
    else notes.hush(this.#message);
  }

  #hold(changes: Change[]): void {
    this.#changes = changes;
    holding[changes.length ? "add" : "delete"](this);
    if (holding.size) addEventListener("beforeunload", hold);
    else removeEventListener("beforeunload", hold);
  }

  #tell(): void {
    const whats = [...new Set(this.#changes.map(({ what }) => what))];
    notes.say(this.message(whats), "problem", { label: this.label(whats.length), act: () => void this.#again(), leave: () => void this.#take() }, true, this.#message);
  }

  #take(): Change[] {
    const all = this.#changes;
    this.#hold([]);
    for (const { left } of all) left?.();
    return all;
  }

  /** One after the other: a later one may stand on an earlier one. What does not get through once more comes back here by itself. */
  async #again(): Promise<void> {
    for (const { act } of this.#take()) await act();
  }
}
