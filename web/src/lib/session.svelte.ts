/** One session as this page knows it, and everything that can be done with it. The server's answer is the only truth. */
import { ApiError, get, passing, patch, post, put, query, readSession, remove } from "./api";
import { notes } from "./notes.svelte";
import type { Document, Job, Roi, Shape, Version } from "./types";

interface Conflict {
  session?: Document;
}

/** A name that abbe gave starts with a capital on the page; one that a person gave stays as it is. */
const titled = (name: string) => (/^(original|result|((denoised|sharpened along z|haze removed)(, )?)+|super-resolved|background corrected|cropped|merged|copy)( \d+)?$/.test(name) ? name[0]!.toUpperCase() + name.slice(1) : name);

export class Session {
  document = $state.raw<Document | null>(null);
  /** the session is gone: deleted here or elsewhere */
  gone = $state(false);
  failure = $state<string | null>(null);
  busy = $state(false);
  #reading: Promise<void> | null = null;
  #again = false;
  #changing: Promise<unknown> | null = null;

  constructor(readonly id: string) {}

  versions = $derived((this.document?.versions ?? []).map((version) => ({ ...version, name: titled(version.name) })));
  current = $derived(this.versions.find((version) => version.id === this.document?.current) ?? null);
  original = $derived(this.versions[0] ?? null);
  rois = $derived(this.document?.rois ?? []);

  version(id: string | null): Version | null {
    return this.versions.find((version) => version.id === id) ?? null;
  }

  /** Reads the session; calls that come meanwhile lead to one more reading. */
  async read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = (async () => {
      try {
        do {
          this.#again = false;
          this.#take(await readSession(this.id));
        } while (this.#again);
        this.failure = null;
      } catch (problem) {
        if (problem instanceof ApiError && problem.status === 404) this.gone = true;
        else if (!this.document) this.failure = problem instanceof Error ? problem.message : String(problem);
      } finally {
        this.#reading = null;
      }
    })();
    return this.#reading;
  }

  #take(document: Document): void {
    if (!this.document || document.revision >= this.document.revision) this.document = document;
  }

  /**
   * Runs a change; its answer is the session after it. A conflict shows the other's edit and says so. What did not get through to the
   * server can be tried again, unless whoever asked sees to it (`alone`).
   */
  async change<T extends Document>(act: () => Promise<T>, alone = false): Promise<T | null> {
    const mine = this.#change(act, alone);
    this.#changing = mine;
    try {
      return await mine;
    } finally {
      if (this.#changing === mine) this.#changing = null;
    }
  }

  async #change<T extends Document>(act: () => Promise<T>, alone: boolean): Promise<T | null> {
    this.busy = true;
    try {
      const after = await act();
      this.#take(after);
      return after;
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 409) {
        const { session } = problem.data as Conflict;
        if (session) this.#take(session);
      }
      if (passing(problem) && !alone) notes.say((problem as ApiError).message, "problem", { label: "Try again", act: () => void this.change(act) }, true);
      else notes.problem(problem);
      return null;
    } finally {
      this.busy = false;
    }
  }

  #at = (rest: string) => `/sessions/${this.id}${rest}`;

  async undo(): Promise<void> {
    if (!this.document?.can_undo) return;
    const what = this.document.undo_action;
    // not offered again where no answer came: it may have been done, and twice is one too many
    if (await this.change(() => post<Document>(this.#at("/undo")), true)) notes.say(`Undone: ${what}`, "info", { label: "Redo", act: () => void this.redo() });
  }

  async redo(): Promise<void> {
    if (this.document?.can_redo) await this.change(() => post<Document>(this.#at("/redo")), true);
  }

  async go(version: string): Promise<void> {
    if (version !== this.document?.current) await this.change(() => post<Document>(this.#at("/revert"), { version }));
  }

  rename(version: string, name: string) {
    return this.change(() => patch<Document>(this.#at(`/versions/${version}`), { name }));
  }

  async drop(version: Version): Promise<void> {
    const sure = await notes.ask(
      `Delete ${version.name}?`,
      "It disappears on every device that has this image open. Undo brings it back.",
      "Delete",
      true,
    );
    if (sure && (await this.change(() => remove<Document>(this.#at(`/versions/${version.id}`)))))
      notes.say(`${version.name} is deleted`, "info", { label: "Undo", act: () => void this.undo() });
  }

  async addRoi(shape: Shape): Promise<string | null> {
    return (await this.change(() => post<Document & { added: string }>(this.#at("/rois"), { shape }), true))?.added ?? null;
  }

  /** A change of this page that is still on its way comes first: it is no other's, and this one stands on it. */
  changeRoi(roi: Roi, edit: { shape?: Shape; name?: string }) {
    const before = this.#changing;
    return this.change(async () => {
      await before;
      const base = before ? (this.rois.find(({ id }) => id === roi.id)?.base ?? roi.base) : roi.base;
      return put<Document>(this.#at(`/rois/${roi.id}`), { ...edit, base });
    });
  }

  async dropRoi(roi: Roi): Promise<void> {
    if (await this.change(() => remove<Document>(this.#at(`/rois/${roi.id}${query({ base: roi.base })}`))))
      notes.say(`${roi.name} is deleted`, "info", { label: "Undo", act: () => void this.undo() });
  }

  comment(text: string, base: number | null) {
    return this.change(() => put<Document>(this.#at("/comment"), { text, base }), true);
  }

  async job(body: object): Promise<Job | null> {
    try {
      return await post<Job>(this.#at("/jobs"), body);
    } catch (problem) {
      notes.problem(problem);
      return null;
    }
  }

  /** Tells where this page looks; it is told again with the next move. */
  async look(look: object): Promise<void> {
    await put(this.#at("/view"), { look }).catch(() => undefined);
  }

  /** Keeps colours and contrast; returns all that are kept now, and the number of that change, or null when they could not be told. */
  async keep<T extends object>(keep: T): Promise<{ kept: T; at: number } | null> {
    try {
      return await put<{ kept: T; at: number }>(this.#at("/view"), { keep });
    } catch {
      return null;
    }
  }

  get<T>(rest: string, signal?: AbortSignal): Promise<T> {
    return get<T>(this.#at(rest), signal);
  }

  post<T>(rest: string, body: object, signal?: AbortSignal): Promise<T> {
    return post<T>(this.#at(rest), body, signal);
  }
}
