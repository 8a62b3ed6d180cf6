/** The stream of events, and what is known about the connection. */
import { get, PAGE, query } from "./api";
import type { Job } from "./types";

export type Connection = "connecting" | "connected" | "offline" | "server" | "locked" | "crowded";

interface Handlers {
  session?: (data: { session: string; revision: number }) => void;
  deleted?: (data: { session: string }) => void;
  view?: (data: Record<string, unknown>) => void;
  folder?: (data: { path: string }) => void;
  job?: (job: Job) => void;
  /** The stream is up (again): read everything anew. */
  back?: () => void;
}

/** Seconds of silence after which a connection counts as dead; the server says something every 10. */
const SILENCE = 25;
/**
 * Of one host a browser keeps six connections for all its tabs, and each stream takes one for good: of more streams than these the pages could not
 * ask for anything any more. A tab that nobody has seen for `RESTS` seconds gives its stream up until it is looked at again.
 */
const STREAMS = 4;
const RESTS = 5;
/** Seconds after which a page without a stream reads anew what it shows. */
const LATE = 10;

/** A job that is not over. */
const under = (job: Job) => job.state === "running" || job.state === "waiting";

class Live {
  state = $state<Connection>("connecting");
  /** pages that look at the same session, this one included */
  pages = $state(1);
  /** ms of the last answer to a tile, to say when it is the size that makes it slow */
  slow = $state<string | null>(null);
  jobs = $state<Job[]>([]);

  #handlers: Handlers = {};
  #stream: EventSource | null = null;
  #heard = 0;
  #watch: ReturnType<typeof setInterval> | null = null;
  #session: string | null = null;
  /** no stream was up yet for what is followed now */
  #first = true;
  /** gives the place of this page's stream back; null: it has none. Browsers without locks (http from another computer) have one for each. */
  #place: (() => void) | null = navigator.locks ? null : () => undefined;
  #taking = false;
  #rests: ReturnType<typeof setInterval> | null = null;
  /** jobs that this page asked for, whose end it may have to act on though nobody looks at it */
  #asked = new Set<string>();

  /** nothing can be asked for now */
  away = $derived(this.state === "offline" || this.state === "server");
  cause = $derived(
    {
      connecting: "Connecting to abbe",
      connected: "Connected; every change is saved",
      offline: "This device has no network. It goes on by itself when the network is back.",
      server: "abbe does not answer: it was stopped, or the computer it runs on sleeps. Nothing is lost.",
      crowded: "abbe is open on more pages than are kept in step at once. This one works, but is told late of what happens elsewhere. Close some, and it goes on by itself.",
      locked: "This device is not known to abbe any more. Open the link from abbe's window again.",
    }[this.state],
  );

  follow(session: string | null, handlers: Handlers): () => void {
    this.#handlers = handlers;
    this.#session = session;
    this.#first = true;
    this.#connect();
    const online = () => this.#connect();
    const seen = () => {
      if (this.#rests) clearInterval(this.#rests);
      this.#rests = null;
      if (document.visibilityState === "hidden") this.#rests = setInterval(() => this.#rest(), 1000 * RESTS);
      else if (!this.#stream || performance.now() - this.#heard > 12_000) this.#connect();
    };
    if (document.visibilityState === "hidden") seen(); // opened in the background
    window.addEventListener("online", online);
    window.addEventListener("offline", this.#lost);
    document.addEventListener("visibilitychange", seen);
    return () => {
      window.removeEventListener("online", online);
      window.removeEventListener("offline", this.#lost);
      document.removeEventListener("visibilitychange", seen);
      if (this.#rests) clearInterval(this.#rests);
      this.#close();
    };
  }

  #close(): void {
    if (this.#watch) clearInterval(this.#watch);
    this.#watch = null;
    this.#stream?.close();
    this.#stream = null;
  }

  /** Nobody looks: until somebody does, nothing needs to be told here, but for the end of what was asked for here. */
  #rest(): void {
    if (this.jobs.some((job) => this.#asked.has(job.id) && under(job))) return;
    this.#close();
    if (navigator.locks) {
      this.#place?.();
      this.#place = null;
    }
  }

  /** A place among the streams of this browser's tabs. One that the browser takes back with the tab is free again by itself. */
  async #take(): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    for (let k = 0; k < STREAMS && !this.#place; k++)
      await new Promise<void>((tried) => {
        const held = (lock: Lock | null) => {
          if (!lock) return tried();
          return new Promise<void>((release) => {
            this.#place = release;
            tried();
          });
        };
        navigator.locks.request(`abbe stream ${k}`, { ifAvailable: true }, held).catch(() => {
          this.#place ??= () => undefined; // a browser that keeps no locks here: as without
          tried();
        });
      });
    if (!this.#place) await this.#ask();
    this.#taking = false;
    if (this.#place) this.#connect();
    else this.#watch ??= setInterval(() => void this.#take(), 2000);
  }

  /** Without a stream: nothing is told, so it is asked for now and then. */
  async #ask(): Promise<void> {
    const away = this.away;
    await this.#why();
    if (this.state !== "crowded") return;
    const late = performance.now() - this.#heard > 1000 * LATE;
    if (away || late || this.#first) {
      this.#handlers.back?.();
      this.#heard = performance.now();
    }
    this.#first = false;
    await this.#work();
  }

  #lost = () => {
    this.state = navigator.onLine ? "server" : "offline";
  };

  #connect(): void {
    this.#close();
    if (!this.#place) return void this.#take();
    const stream = new EventSource(`/api/events${query({ session: this.#session, page: PAGE })}`);
    this.#stream = stream;
    this.#heard = performance.now();
    const heard = () => (this.#heard = performance.now());
    stream.onopen = () => {
      heard();
      this.state = "connected";
      if (!this.#first || this.#session !== null) this.#handlers.back?.();
      this.#first = false;
      void this.#work();
    };
    stream.onerror = () => {
      this.#lost();
      if (stream.readyState === EventSource.CLOSED) void this.#why();
    };
    const on = <T>(name: string, act: (data: T) => void) =>
      stream.addEventListener(name, (event) => {
        heard();
        act(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    on<{ session: string; revision: number }>("session", (data) => this.#handlers.session?.(data));
    on<{ session: string }>("deleted", (data) => this.#handlers.deleted?.(data));
    on<Record<string, unknown>>("view", (data) => this.#handlers.view?.(data));
    on<{ path: string }>("folder", (data) => this.#handlers.folder?.(data));
    on<{ pages: number }>("devices", (data) => (this.pages = data.pages));
    on<Job>("job", (job) => {
      const told = this.jobs.some((known) => known.id === job.id && !under(known));
      this.#keep(job);
      if (!told) this.#handlers.job?.(job); // the end was in the answer that came before
    });
    on<object>("here", heard);
    this.#watch = setInterval(() => {
      const silent = (performance.now() - this.#heard) / 1000;
      if (silent > SILENCE || (stream.readyState === EventSource.CLOSED && silent > 2 && this.state !== "locked")) this.#connect();
    }, 2000);
  }

  /** A stream that was refused: is it the server, or are we not let in? */
  async #why(): Promise<void> {
    try {
      const answer = await fetch("/api/state");
      if (answer.status === 401) this.state = "locked";
      else if (answer.ok) this.state = "crowded";
    } catch {
      this.#lost();
    }
  }

  /** The jobs there are now. One that was under way and is not there any more went with the server that did it. */
  async #work(): Promise<void> {
    let now: Job[];
    try {
      now = await get<Job[]>("/jobs");
    } catch {
      return; // the next connection asks again
    }
    const gone = this.jobs.filter((job) => under(job) && !now.some(({ id }) => id === job.id));
    const lost = gone.map((job): Job => ({ ...job, state: "failed", message: "abbe was stopped while it worked on this; nothing half done was kept. Start it again." }));
    // what ended while nobody was told, as through a night in which the laptop slept
    const over = now.filter((job) => !under(job) && this.jobs.some((known) => known.id === job.id && under(known)));
    this.jobs = [...now, ...lost];
    for (const job of [...over, ...lost]) this.#handlers.job?.(job);
  }

  /** A job that was just asked for; its first event may have come before. */
  know(job: Job): void {
    this.#asked.add(job.id);
    if (!this.jobs.some(({ id }) => id === job.id)) this.jobs.push(job);
  }

  #keep(job: Job): void {
    const at = this.jobs.findIndex((known) => known.id === job.id);
    if (at < 0) this.jobs.push(job);
    else this.jobs[at] = job;
  }
}

export const live = new Live();
