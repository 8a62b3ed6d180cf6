import { untrack } from "svelte";
import { sentence } from "./format";

/** Short messages at the bottom of the page, and questions that want an answer. */
export interface Note {
  id: number;
  text: string;
  kind: "info" | "good" | "problem";
  /** `leave`: it is dismissed */
  action?: { label: string; act: () => void; leave?: () => void };
  /** another of the same key takes its place */
  key?: string;
  /** until it is used or dismissed */
  stays: boolean;
}

/** messages at once, of those that pass and of those that stay */
const MOST = 4;

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
  /** the sheets that are open, the uppermost last: it covers the page, and shows the messages */
  sheets = $state.raw<string[]>([]);
  #next = 1;
  /** what is said while a question waits: its buttons must not move from under a finger */
  #held: (() => void)[] = [];

  /** `stays`: until it is used or dismissed, whatever passes meanwhile. */
  say(text: string, kind: Note["kind"] = "info", action?: Note["action"], stays = false, key?: string): void {
    if (untrack(() => this.question)) {
      this.#held.push(() => this.say(text, kind, action, stays, key));
      return;
    }
    if (kind === "problem") text = sentence(text);
    const note: Note = { id: this.#next++, text, kind, stays, ...(action ? { action } : {}), ...(key ? { key } : {}) };
    const { id } = note;
    // whoever says something from an effect must not run again for every message
    untrack(() => {
      const others = this.list.filter((one) => (key === undefined || one.key !== key) && (one.action || action || one.text !== text)); // the same once more is no news
      const alike = others.filter((one) => one.stays === stays);
      const old = alike.slice(0, Math.max(0, alike.length - MOST + 1));
      this.list = [...others.filter((one) => !old.includes(one)), note];
    });
    if (!stays) this.#pass(id, kind === "problem" ? 12_000 : action ? 10_000 : 5_000);
  }

  /** A question hides the messages: one whose time runs out meanwhile is seen once more. */
  #pass(id: number, after: number): void {
    setTimeout(() => (this.question ? this.#held.push(() => this.#pass(id, after)) : this.drop(id)), after);
  }

  problem(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    this.say(error instanceof Error ? error.message : String(error), "problem");
  }

  drop(id: number): void {
    this.list = this.list.filter((note) => note.id !== id);
  }

  /** What the message of that key says is not so any more. */
  hush(key: string): void {
    this.list = this.list.filter((note) => note.key !== key);
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
          for (const say of this.#held.splice(0)) say();
        },
      };
    });
  }
}

export const notes = new Notes();
