/** Tables that this page asked for: one whose sheet was closed meanwhile is said to be there, and shown again. */
import { Awaited } from "./awaited.svelte";
import { notes } from "./notes.svelte";
import type { Job } from "./types";

export interface Asked {
  threshold?: string | [number, number];
  /** one that was asked for before */
  job?: Job;
}

class Tables extends Awaited {
  /** what the open sheet shows */
  open = $state.raw<Asked | null>(null);

  /** Another image is shown now. */
  leave(): void {
    this.open = null;
    this.forget();
  }

  protected override tell(job: Job): void {
    if (job.state === "failed") notes.say(job.message, "problem");
    if (job.state === "cancelled") notes.say("The table was stopped; nothing was kept");
    if (job.state === "done" && this.sheet !== job.id) notes.say("Every pair is measured in every region", "good", { label: "Show", act: () => (this.open = { job }) }, true);
  }
}

export const tables = new Tables();
