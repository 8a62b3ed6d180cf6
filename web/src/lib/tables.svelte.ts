/** Tables that this page asked for: one whose sheet was closed meanwhile is said to be there, and shown again. */
import { live } from "./live.svelte";
import { notes } from "./notes.svelte";
import type { Job } from "./types";

export interface Asked {
  threshold?: string | [number, number];
  /** one that was asked for before */
  job?: Job;
}

class Tables {
  /** what the open sheet shows */
  open = $state.raw<Asked | null>(null);
  /** ids of the jobs that are not over yet */
  #mine = $state.raw<string[]>([]);
  /** the job whose sheet is open */
  sheet: string | null = null;

  constructor() {
    $effect.root(() => {
      $effect(() => {
        const over = live.jobs.filter(({ id, state }) => this.#mine.includes(id) && state !== "waiting" && state !== "running");
        if (!over.length) return;
        this.#mine = this.#mine.filter((id) => !over.some((job) => job.id === id));
        for (const job of over) this.#tell(job);
      });
    });
  }

  add(job: Job): void {
    live.know(job);
    this.#mine = [...this.#mine, job.id];
  }

  /** Another image is shown now. */
  leave(): void {
    this.open = null;
    this.#mine = [];
  }

  #tell(job: Job): void {
    if (job.state === "failed") notes.say(job.message, "problem");
    if (job.state === "cancelled") notes.say("The table was stopped; nothing was kept");
    if (job.state === "done" && this.sheet !== job.id) notes.say("Every pair is measured in every region", "good", { label: "Show", act: () => (this.open = { job }) }, true);
  }
}

export const tables = new Tables();
