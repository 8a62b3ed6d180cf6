/** Exports that this page asked for: each is delivered when it is done, or its failure said, whatever the page shows by then. */
import { live } from "./live.svelte";
import { notes } from "./notes.svelte";
import type { Job } from "./types";

interface Made {
  download?: string;
  folder?: string;
  files: string[];
  left_out?: string[];
}

class Exports {
  /** ids of the jobs that are not over yet */
  #mine = $state.raw<string[]>([]);

  constructor() {
    $effect.root(() => {
      $effect(() => {
        const over = live.jobs.filter(({ id, state }) => this.#mine.includes(id) && state !== "waiting" && state !== "running");
        if (!over.length) return;
        this.#mine = this.#mine.filter((id) => !over.some((job) => job.id === id));
        for (const job of over) tell(job);
      });
    });
  }

  add(job: Job): void {
    live.know(job);
    this.#mine = [...this.#mine, job.id];
  }
}

function tell(job: Job): void {
  if (job.state === "failed") notes.say(job.message, "problem");
  if (job.state === "cancelled") notes.say("The export was stopped; nothing was kept");
  if (job.state !== "done") return;
  const { download, folder, files, left_out } = job.result as unknown as Made;
  const what = files.length === 1 ? files[0] : `${files.length} files`;
  if (download) {
    const link = document.createElement("a");
    link.href = `/api/downloads/${download}`;
    link.download = "";
    link.click();
  }
  notes.say(folder ? `Saved ${what} in “${folder}”` : `${what} on the way to your downloads`, "good");
  for (const line of left_out ?? []) notes.say(`Left out: ${line}`);
}

export const exports = new Exports();
