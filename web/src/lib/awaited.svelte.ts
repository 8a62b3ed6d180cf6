/** Jobs that this page asked for and waits for: what became of each is told when it is over, whatever the page shows by then. */
import { live } from "./live.svelte";
import type { Job } from "./types";

export abstract class Awaited {
  /** ids of the jobs that are not over yet */
  #mine = $state.raw<string[]>([]);
  /** the job whose sheet is open, and says there what there is to know */
  sheet: string | null = null;

  constructor() {
    $effect.root(() => {
      $effect(() => {
        const over = live.jobs.filter(({ id, state }) => this.#mine.includes(id) && state !== "waiting" && state !== "running");
        if (!over.length) return;
        this.#mine = this.#mine.filter((id) => !over.some((job) => job.id === id));
        for (const job of over) this.tell(job);
      });
    });
  }

  add(job: Job): void {
    live.know(job);
    this.#mine = [...this.#mine, job.id];
  }

  protected forget(): void {
    this.#mine = [];
  }

  protected abstract tell(job: Job): void;
}
