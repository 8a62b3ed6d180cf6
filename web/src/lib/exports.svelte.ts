/** Exports that this page asked for: each is delivered when it is done, or its failure said, whatever the page shows by then. */
import { Awaited } from "./awaited.svelte";
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

class Exports extends Awaited {
  /** an export of which there is something to know, while that is read */
  read = $state.raw<Made | null>(null);

  protected override tell(job: Job): void {
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
