/** Plays a time series, or goes through the planes of a stack: the next picture when the one in view is there, and not faster than wanted. */
import { preferences } from "../lib/settings.svelte";

export type Axis = "time" | "depth";

/** pictures a second that may be wanted */
export const RATES = [1, 2, 5, 10];

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export interface Played {
  /** number of pictures along an axis */
  count(axis: Axis): number;
  /** the one in view */
  at(axis: Axis): number;
  show(axis: Axis, index: number): void;
  /** all that belongs to the picture in view is drawn */
  complete(): boolean;
}

export class Player {
  /** what is played; null: nothing */
  playing = $state<Axis | null>(null);
  #rate = $state(preferences.remember<number | null>("rate", null));
  #last: Axis | null = null;
  #shown = 0;
  #left = Infinity;
  #tick = 0;

  constructor(private readonly of: Played) {}

  /** Until somebody chooses: who wants little motion gets slow one, and each picture once. */
  get rate(): number {
    return this.#rate ?? (still() ? 1 : 5);
  }
  set rate(value: number) {
    this.#rate = value;
    preferences.keep("rate", value);
  }

  /** What the Space key plays: what was played last, else the frames before the planes; null: there is nothing to play. */
  get axis(): Axis | null {
    const there = (["time", "depth"] as const).filter((axis) => this.of.count(axis) > 1);
    return there.find((axis) => axis === this.#last) ?? there[0] ?? null;
  }

  toggle(axis = this.axis): void {
    if (this.playing === axis) this.stop();
    else if (axis) this.#start(axis);
  }

  stop(): void {
    cancelAnimationFrame(this.#tick);
    this.playing = null;
  }

  #start(axis: Axis): void {
    cancelAnimationFrame(this.#tick);
    this.playing = this.#last = axis;
    this.#shown = performance.now();
    this.#left = still() ? this.of.count(axis) : Infinity;
    this.#tick = requestAnimationFrame(this.#step);
  }

  /** Once per picture of the screen: a page that nobody sees has none, and asks for nothing. */
  #step = (now: number): void => {
    const axis = this.playing;
    if (!axis) return;
    const count = this.of.count(axis);
    if (count < 2 || this.#left <= 0) return this.stop();
    if (now - this.#shown >= 1000 / this.rate - 4 && this.of.complete()) {
      this.#shown = now;
      this.#left -= 1;
      this.of.show(axis, (this.of.at(axis) + 1) % count);
    }
    this.#tick = requestAnimationFrame(this.#step);
  };
}
