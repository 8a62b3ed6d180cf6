/** Plays a time series, or goes through the planes of a stack: the next picture when the one in view is there, and not faster than wanted. */
import { preferences } from "../lib/settings.svelte";

export type Axis = "time" | "depth";

/** pictures a second that may be wanted */
export const RATES = [1, 2, 5, 10];

/** milliseconds without a word after which another device is taken to play no more; of one that was stopped from here, those for which it is not heard */
const SILENT = 4000;
const DEAF = 600;
/** milliseconds after which those that follow are told again what is played, while a picture is long in coming */
const AGAIN = 1000;

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export interface Played {
  /** number of pictures along an axis */
  count(axis: Axis): number;
  /** the one in view */
  at(axis: Axis): number;
  show(axis: Axis, index: number): void;
  /** all that belongs to the picture in view is drawn */
  complete(): boolean;
  /** tells those that follow what is in view, and whether it is played */
  tell(): void;
}

export class Player {
  /** what is played; null: nothing */
  playing = $state<Axis | null>(null);
  #rate = $state(preferences.remember<number | null>("rate", null));
  #last: Axis | null = null;
  #shown = 0;
  #told = 0;
  #left = Infinity;
  #tick = 0;
  /** another device plays, and this one shows the same */
  led = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #deaf = 0;

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
    if (this.playing === axis) this.pause();
    else if (axis) this.#start(axis);
  }

  /** Stops what is played here; one that is led by another device leaves that alone. */
  stop(): void {
    const own = this.playing && !this.led;
    this.#halt();
    if (own) this.of.tell();
  }

  /** By hand: a device that leads this one is to stop, too. */
  pause(): void {
    if (!this.playing) return;
    if (this.led) this.#deaf = performance.now() + DEAF; // what it said before it knew
    this.#halt();
    this.of.tell();
  }

  /**
   * Another device shows a picture, and plays `axis` or nothing: `show` is called when the picture in view is there, or not at all when
   * another comes before. Whoever played here follows: two that play and follow each other would never agree.
   */
  follow(axis: Axis | null, show: () => void): void {
    if (axis && performance.now() < this.#deaf) return;
    this.#halt();
    if (!axis) return show();
    this.playing = axis;
    this.led = true;
    this.#silence = setTimeout(() => this.#halt(), SILENT);
    const once = () => {
      if (this.of.complete()) show();
      else this.#tick = requestAnimationFrame(once);
    };
    once();
  }

  #halt(): void {
    cancelAnimationFrame(this.#tick);
    clearTimeout(this.#silence);
    this.led = false;
    this.playing = null;
  }

  #start(axis: Axis): void {
    this.#halt();
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
      this.#shown = this.#told = now;
      this.#left -= 1;
      this.of.show(axis, (this.of.at(axis) + 1) % count);
    } else if (now - Math.max(this.#shown, this.#told) > AGAIN) {
      this.#told = now;
      this.of.tell();
    }
    this.#tick = requestAnimationFrame(this.#step);
  };
}
