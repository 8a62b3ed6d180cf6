/** One session as this page knows it, and everything that can be done with it. The server's answer is the only truth. */
import { ApiError, get, passing, patch, post, put, query, readSession, remove, send } from "./api";
import { plural } from "./format";
import { notes } from "./notes.svelte";
import type { Document, Job, Roi, Shape, Version } from "./types";
import { Unsaved } from "./unsaved";

interface Conflict {
  session?: Document;
}

/** A change as people call it, and which one it is: made anew, it takes the place of the one before. */
interface Called {
  key: string;
  what: string;
}

/** `change`: the revision that the deletion is */
type Removed = Document & { change: number };

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
  /** Why the last one did not get through. */
  #why = "";
  readonly #unsaved = new Unsaved((whats) => `Not saved: ${whats.join("; ")}. ${this.#why}`, () => "Try again");
  /** what this page itself made of a state of a region ("id@revision"), as the revision after it: a change that was begun on the one stands on the other */
  readonly #own = new Map<string, number>();

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
   * server can be tried again, by the name that is given, unless whoever asked sees to it ("alone").
   */
  async change<T extends Document>(act: () => Promise<T | null>, called: Called | "alone"): Promise<T | null> {
    const mine = this.#change(act, called);
    this.#changing = mine;
    try {
      return await mine;
    } finally {
      if (this.#changing === mine) this.#changing = null;
    }
  }

  async #change<T extends Document>(act: () => Promise<T | null>, called: Called | "alone"): Promise<T | null> {
    this.busy = true;
    try {
      const after = await act();
      if (after) this.#take(after);
      if (called !== "alone") this.#unsaved.done(called.key);
      return after;
    } catch (problem) {
      this.#shown(problem);
      if (passing(problem) && called !== "alone") {
        this.#why = (problem as ApiError).message;
        this.#unsaved.add({ ...called, act: () => this.change(act, called) });
      } else notes.problem(problem);
      return null;
    } finally {
      this.busy = false;
    }
  }

  /** Was it a conflict? Then what the other did is shown. */
  #shown(problem: unknown): boolean {
    const session = problem instanceof ApiError && problem.status === 409 ? (problem.data as Conflict).session : undefined;
    if (session) this.#take(session);
    return session !== undefined;
  }

  #at = (rest: string) => `/sessions/${this.id}${rest}`;

  /** Takes back the change that this page shows as the last, or `only` that one: never what another device did meanwhile. */
  async undo(only?: number): Promise<void> {
    const done = await this.#step("undo", only);
    if (done) notes.say(`Undone: ${done.what}`, "info", { label: "Redo", act: () => void this.redo(done.redo_base ?? undefined) }, false, "undone"); // the last alone can be done again
  }

  async redo(only?: number): Promise<void> {
    await this.#step("redo", only);
  }

  /**
   * What this page has on its way comes first, for the step is about what comes of it; when that fails, nothing is undone in its place.
   * Not offered again where no answer came: it may have been done, and twice is one too many.
   */
  #step(which: "undo" | "redo", only?: number) {
    const before = this.#changing;
    return this.change(async () => {
      if (before && !(await before)) return null;
      const base = only ?? this.document?.[`${which}_base`];
      const what = this.document?.[`${which}_action`];
      if (base == null) return null;
      if (only !== undefined && only === this.document?.[which === "undo" ? "redo_base" : "undo_base"]) {
        notes.say(which === "undo" ? "That is undone already" : "That is done again already"); // here, by other keys
        return null;
      }
      try {
        return { ...(await post<Document>(this.#at(`/${which}`), { base })), what };
      } catch (problem) {
        if (!this.#shown(problem)) throw problem;
        notes.say((problem as ApiError).message);
        return null;
      }
    }, "alone");
  }

  async go(version: string): Promise<void> {
    if (version !== this.document?.current) await this.change(() => post<Document>(this.#at("/revert"), { version }), { key: "current", what: `going to ${this.version(version)?.name ?? "a version"}` });
  }

  rename(version: string, name: string) {
    return this.change(() => patch<Document>(this.#at(`/versions/${version}`), { name }), { key: `${version}/name`, what: `the name “${name}” of ${this.version(version)?.name ?? "a version"}` });
  }

  async drop(version: Version): Promise<void> {
    const sure = await notes.ask(
      `Delete ${version.name}?`,
      "It disappears on every device that has this image open. Undo brings it back.",
      "Delete",
      true,
    );
    if (!sure) return;
    const done = await this.change(() => remove<Removed>(this.#at(`/versions/${version.id}`)), { key: version.id, what: `deleting ${version.name}` });
    if (done) notes.say(`${version.name} is deleted`, "info", { label: "Undo", act: () => void this.undo(done.change) });
  }

  /** Its id. `like`: it may be there already, for the answer alone was lost; that which is like it is the one. */
  async addRoi(shape: Shape, like?: (kept: Shape) => boolean): Promise<string | null> {
    if (like) {
      await this.read();
      const there = this.rois.find((roi) => like(roi.shape));
      if (there) return there.id;
    }
    return (await this.change(() => post<Document & { added: string }>(this.#at("/rois"), { shape }), "alone"))?.added ?? null;
  }

  /** Adds the regions of a file, which is undone as one. */
  async addRois(file: File): Promise<void> {
    const done = await this.change(() => send<Document & { added: number }>(this.#at(`/regions${query({ name: file.name })}`), file), "alone");
    if (!done) return;
    const change = done.undo_base ?? undefined;
    notes.say(`${plural(done.added, "region")} from ${file.name}`, "good", { label: "Undo", act: () => void this.undo(change) });
  }

  changeRoi(roi: Roi, edit: { shape?: Shape; name?: string }) {
    const called = edit.name === undefined ? { key: `${roi.id}/shape`, what: `the new outline of ${roi.name}` } : { key: `${roi.id}/name`, what: `the name “${edit.name}” of ${roi.name}` };
    return this.#onRoi(roi, called, (base) => put<Document>(this.#at(`/rois/${roi.id}`), { ...edit, base }));
  }

  async dropRoi(roi: Roi): Promise<void> {
    const done = await this.#onRoi(roi, { key: roi.id, what: `deleting ${roi.name}` }, (base) => remove<Removed>(this.#at(`/rois/${roi.id}${query({ base })}`)), true);
    if (done) notes.say(`${roi.name} is deleted`, "info", { label: "Undo", act: () => void this.undo(done.change) });
  }

  /**
   * A change of this page that is still on its way comes first: it is no other's, and this one stands on it, as it does on one that was made since.
   * `there`: one of a region that is gone by then is none.
   */
  #onRoi<T extends Document>(roi: Roi, called: Called, act: (base: number) => Promise<T>, there = false) {
    const before = this.#changing;
    return this.change(async () => {
      await before;
      if (there && before && !this.rois.some(({ id }) => id === roi.id)) return null;
      let base = roi.base;
      for (let next = this.#own.get(`${roi.id}@${base}`); next !== undefined; next = this.#own.get(`${roi.id}@${base}`)) base = next;
      const after = await act(base);
      const now = after.rois.find(({ id }) => id === roi.id)?.base;
      if (now !== undefined && now > base) this.#own.set(`${roi.id}@${base}`, now);
      return after;
    }, called);
  }

  comment(text: string, base: number | null) {
    return this.change(() => put<Document>(this.#at("/comment"), { text, base }), "alone");
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
