/** Exports that this page asked for: each is delivered when it is done, or its failure said, whatever the page shows by then. */
import { live } from "./live.svelte";
import { notes } from "./notes.svelte";
import type { Job } from "./types";

export interface Made {
  download?: string;
  folder?: string;
  files: string[];
  left_out?: string[];
  /** what was lost on the way into these files, and how they are to be read */
  notices?: string[];
}

class Exports {
  /** ids of the jobs that are not over yet */
  #mine = $state.raw<string[]>([]);
  /** an export of which there is something to know, while that is read */
  read = $state.raw<Made | null>(null);
  /** the job whose sheet is open, and says there what there is to know */
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

  #tell(job: Job): void {
    if (job.state === "failed") notes.say(job.message, "problem");
    if (job.state === "cancelled") notes.say("The export was stopped; nothing was kept");
    if (job.state !== "done") return;
    const made = job.result as unknown as Made;
    if (made.download) {
      const link = document.createElement("a");
      link.href = `/api/downloads/${made.download}`;
      link.download = "";
      link.click();
    }
    const known = remarks(made).length;
    if (!known) notes.say(`${delivered(made)}`, "good");
    else if (this.sheet !== job.id) notes.say(`${delivered(made)}. ${known === 1 ? "There is a remark" : `There are ${known} remarks`} on it.`, "info", { label: "Read", act: () => (this.read = made) }, true);
  }
}

export function delivered({ files, folder }: Made): string {
  const what = files.length === 1 ? files[0] : `${files.length} files`;
  return folder ? `Saved ${what} in “${folder}”` : `${what} on the way to your downloads`;
}

export interface Remark {
  kind: "lost" | "left" | "legend";
  text: string;
}

/** What there is to know, the worst first; each as a sentence. */
export function remarks({ left_out, notices }: Made): Remark[] {
  const sentence = (text: string) => text[0]!.toUpperCase() + text.slice(1);
  const said = (notices ?? []).map((text): Remark => ({ kind: text.startsWith("grey values from") ? "legend" : "lost", text: sentence(text) }));
  const left = (left_out ?? []).map((text): Remark => ({ kind: "left", text: sentence(text) }));
  return [...left, ...said.filter(({ kind }) => kind === "lost"), ...said.filter(({ kind }) => kind === "legend")];
}

export const exports = new Exports();
