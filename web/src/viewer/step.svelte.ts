/** In step with other devices: colours and contrast are the session's; place and frame of who follows are those of who moved last. */
import { live } from "../lib/live.svelte";
import type { Session } from "../lib/session.svelte";
import { preferences } from "../lib/settings.svelte";
import type { Look } from "./look.svelte";
import type { Axis } from "./player.svelte";

export interface Kept {
  channels: { visible: boolean; color: string }[];
  ranges: Record<string, { low: number; high: number }[]>;
}
type Place = { x: number; y: number; span: number };
type Frame = { t: number; depth: number; playing: Axis | null };
type Looked = Place | Frame | (Place & Frame);

/** What another page chose, and the number of that change; and where it looks. */
export interface Told {
  keep?: Partial<Kept>;
  at?: number;
  look?: Looked;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export class Step {
  readonly #untold = new Set<"place" | "frame">();
  #telling = false;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  /** colours and contrast that the server has, as far as this page knows; what is chosen beyond them is still to be told */
  #agreed: Kept = { channels: [], ranges: {} };
  /** numbers of the changes that are agreed: an answer and what other pages chose may come in another order than they were made */
  #ages: Partial<Record<keyof Kept, number>> = {};

  constructor(
    private readonly session: Session,
    private readonly look: Look,
  ) {}

  #chosen = (): Kept => ({ channels: $state.snapshot(this.look.channels.list), ranges: $state.snapshot(this.look.channels.ranges) });

  /** What is chosen now is what the server has. */
  start(): void {
    this.#agreed = this.#chosen();
  }

  /** Shows what the server keeps since the change `at`, but for what was chosen here since `told`. */
  #adopt(kept: Partial<Kept>, told: Kept, at: number): void {
    const { channels } = this.look;
    const mine = this.#chosen();
    const newer = (key: keyof Kept) => {
      const yes = at >= (this.#ages[key] ?? 0);
      if (yes) this.#ages[key] = at;
      return yes;
    };
    if (kept.channels?.length === channels.list.length && newer("channels")) this.#agreed = { ...this.#agreed, channels: kept.channels };
    if (kept.ranges && newer("ranges")) this.#agreed = { ...this.#agreed, ranges: kept.ranges };
    if (kept.channels && same(mine.channels, told.channels)) channels.list = this.#agreed.channels.map((one) => ({ ...one }));
    if (kept.ranges && same(mine.ranges, told.ranges)) channels.ranges = this.#agreed.ranges;
  }

  /** Tells what was chosen here alone, and shows what all pages have then: two that change at once end with the same. */
  async #keep(): Promise<void> {
    const mine = this.#chosen();
    const { channels, ranges } = mine;
    const news = { ...(same(channels, this.#agreed.channels) ? {} : { channels }), ...(same(ranges, this.#agreed.ranges) ? {} : { ranges }) };
    if (!Object.keys(news).length) return;
    const now = await this.session.keep<Partial<Kept>>(news);
    if (now) this.#adopt(now.kept, mine, now.at);
  }

  /** Colours or contrast were changed here: they are told when they stay for a moment. */
  changed = (): void => {
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => void this.#keep(), 150);
  };

  /** After a while without the server: what others chose meanwhile is shown, what was chosen here is told. */
  catchUp(): void {
    if (!this.session.document) return;
    this.#ages = {};
    this.#adopt(this.session.document.view, this.#agreed, 0);
    void this.#keep();
  }

  take(told: Told): void {
    const { camera } = this.look;
    if (told.keep) this.#adopt(told.keep, this.#agreed, told.at ?? 0);
    if (preferences.follow && told.look && "x" in told.look) {
      const { x, y, span } = told.look;
      camera.look(x, y, Math.min(camera.width, camera.height) / span);
    }
    if (preferences.follow && told.look && "t" in told.look) this.look.beLed(told.look.t, told.look.depth, told.look.playing);
  }

  /** While a series is played place and frame are told apart: who follows may move the one while the other changes. */
  moved = (part: "place" | "frame" = "place"): void => {
    if (live.pages < 2) return;
    this.#untold.add(part);
    if (!this.look.player.playing) this.#untold.add("frame");
    if (this.#telling) return;
    this.#telling = true;
    setTimeout(() => void this.#tell(), 80);
  };

  /** One after the other: what is told last is what is shown last. */
  async #tell(): Promise<void> {
    const { look } = this;
    const { x, y, scale, width, height } = look.camera;
    const place = this.#untold.has("place") ? { x, y, span: Math.min(width, height) / scale } : {};
    const frame = this.#untold.has("frame") && !look.player.led ? { t: look.t, depth: look.depth, playing: look.player.playing } : {};
    this.#untold.clear();
    await this.session.look({ ...place, ...frame });
    this.#telling = this.#untold.size > 0;
    if (this.#telling) setTimeout(() => void this.#tell(), 80);
  }
}
