import { untrack } from "svelte";

/** Short messages at the bottom of the page, and questions that want an answer. */
export interface Note {
  id: number;
  text: string;
  kind: "info" | "good" | "problem";
  action?: { label: string; act: () => void };
}

export interface Question {
  title: string;
  text: string;
  confirm: string;
  danger: boolean;
  answer: (yes: boolean) => void;
}

class Notes {
  list = $state<Note[]>([]);
  question = $state<Question | null>(null);
  #next = 1;

  /** `stays`: until it is used or dismissed. */
  say(text: string, kind: Note["kind"] = "info", action?: Note["action"], stays = false): void {
    const id = this.#next++;
    // whoever says something from an effect must not run again for every message
    untrack(() => (this.list = [...this.list.slice(-3), action ? { id, text, kind, action } : { id, text, kind }]));
    if (!stays) setTimeout(() => this.drop(id), kind === "problem" ? 12_000 : action ? 10_000 : 5_000);
  }

  problem(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    this.say(error instanceof Error ? error.message : String(error), "problem");
  }

  drop(id: number): void {
    this.list = this.list.filter((note) => note.id !== id);
  }

  ask(title: string, text: string, confirm: string, danger = false): Promise<boolean> {
    return new Promise((resolve) => {
      this.question = {
        title,
        text,
        confirm,
        danger,
        answer: (yes) => {
          this.question = null;
          resolve(yes);
        },
      };
    });
  }
}

export const notes = new Notes();
