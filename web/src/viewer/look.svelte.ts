/** What is shown and how: versions, maps, overlays, plane and time. Becomes panes for the stage. */
import type { Session } from "../lib/session.svelte";
import type { ChannelStatistics, Version } from "../lib/types";
import { Camera, grain, halved } from "./camera.svelte";
import { Channels, MOST, type Range, rgb } from "./channels.svelte";
import type { Tool, Units } from "./roi";
import { type Axis, Player } from "./player.svelte";
import type { Picture } from "./source";
import type { Pane, Shown } from "./stage";

export type Mode = "single" | "swipe" | "side" | "blink" | "difference" | "error" | "trust";

export interface MapInfo {
  /** what it is a map of: the way of comparing, both versions, frame and plane */
  of?: string;
  dtype: string;
  channels: number;
  levels: { factor: number; width: number; height: number }[];
  width: number;
  height: number;
  low: number;
  high: number;
}

export interface Preview extends MapInfo {
  preview: string;
  corner: { x: number; y: number };
  size: { x: number; y: number };
  scale: number;
  /** per channel, what the automatic contrast shows as black and in full colour: in this region now, and in its preview */
  before: [number, number][];
  after: [number, number][];
}

/** A preview, and what it is of. */
export interface Previewed extends Preview {
  version: string;
  t: number;
  z: number;
}

export interface Revealed {
  first: number;
  second: number;
  low: number;
  high: number;
  /** the region that they are revealed in, and its revision */
  roi: { id: string; base: number } | null;
}

/** Colour maps of Viv's; the difference has a middle, the others a beginning. */
const COLORMAP = { difference: "rdbu", error: "inferno", trust: "viridis" } as const;

/**
 * The contrast that shows a preview as its surroundings are shown: the camera's offset and the background are taken out of it, so that black lies
 * elsewhere, and what was blurred is brighter. A span never becomes smaller: what is left of mere noise would be spread over all shades. Where black
 * lies below the background of the surroundings, so that one sees it (a black label in the image, a choice by hand), the preview shows none that it
 * has not: what was brightest is as bright as before.
 */
function moved({ low, high }: Range, before: [number, number], after: [number, number]): Range {
  const span = before[1] - before[0] || 1;
  const gain = Math.max(1, (after[1] - after[0]) / span);
  if (low < before[0]) {
    const black = Math.min(low, after[0]);
    return { low: black, high: black + ((after[0] + gain * span - black) / (before[0] + span - low)) * (high - low) };
  }
  const black = after[0] + gain * (low - before[0]);
  return { low: black, high: black + gain * (high - low) };
}

export class Look {
  readonly camera = new Camera();
  readonly channels = new Channels();
  readonly player: Player;
  /** parts of the picture are still on their way */
  busy = $state(true);
  /** told when another frame or plane is shown, and when it is played no more */
  moved: () => void = () => undefined;
  mode = $state<Mode>("single");
  /** the version to compare with; null: the original */
  with = $state<string | null>(null);
  /** where the swiped edge is, 0 to 1 */
  edge = $state(0.5);
  /** blink, or a held key: show the reference now */
  flipped = $state(false);
  #same = $state<boolean | null>(null);
  t = $state(0);
  /** depth as a fraction: versions differ in their number of planes */
  depth = $state(0.5);
  map = $state.raw<MapInfo | null>(null);
  mapChannel = $state(0);
  preview = $state.raw<Previewed | null>(null);
  revealed = $state.raw<Revealed | null>(null);
  tool = $state<Tool | null>(null);
  roi = $state<string | null>(null);
  /** takes back the last corner of the polygon that is being drawn; null: none is */
  back = $state.raw<(() => void) | null>(null);

  constructor(private readonly session: Session) {
    this.player = new Player({
      count: (axis) => this.session.current?.shape[axis === "time" ? 0 : 2] ?? 1,
      at: (axis) => (axis === "time" ? Math.min(this.t, (this.session.current?.shape[0] ?? 1) - 1) : this.plane(this.session.current)),
      show: (axis, index) => {
        this.#go(axis, index);
        this.moved();
      },
      complete: () => !this.busy && (!this.mapping || this.map?.of === this.mapped),
      tell: () => this.moved(),
    });
  }

  /** Shows the frame and plane that another device shows, which plays `playing`. */
  beLed(t: number, depth: number, playing: Axis | null): void {
    this.player.follow(playing, () => {
      this.t = t;
      this.depth = depth;
    });
  }

  /** Looks at a frame or plane, by hand: what was playing stops. */
  go(axis: Axis, index: number): void {
    this.player.pause();
    this.#go(axis, index);
    this.moved();
  }

  #go(axis: Axis, index: number): void {
    if (axis === "time") this.t = index;
    else this.depth = index / Math.max((this.session.current?.shape[2] ?? 1) - 1, 1);
  }

  reference = $derived.by(() => {
    const { current, original, versions } = this.session;
    const chosen = this.session.version(this.with) ?? original;
    if (chosen?.id !== current?.id) return chosen;
    return this.session.version(current?.parent ?? null) ?? versions.filter((version) => version.id !== current?.id).at(-1) ?? chosen;
  });
  z = $derived.by(() => this.plane(this.session.current));
  units = $derived.by((): Units => {
    const document = this.session.document;
    const size = this.session.original?.pixel_size;
    return document?.unit === "um" && size?.[1] && size[2] ? { unit: "um", step: [size[1], size[2]] } : { unit: "pixel", step: [1, 1] };
  });

  /** One contrast for both versions. Until somebody decides: if it suits both; after a background correction it does not. */
  get same(): boolean {
    return this.#same ?? this.#alike();
  }
  set same(yes: boolean) {
    this.#same = yes;
  }

  #alike(): boolean {
    const [a, b] = [this.session.current, this.reference];
    if (!a || !b) return true;
    return this.channels.list.every((_, index) => {
      const [one, other] = [this.channels.range(a.id, index), this.channels.range(b.id, index)];
      const both = Math.min(one.high, other.high) - Math.max(one.low, other.low);
      return both > 0.5 * (Math.max(one.high, other.high) - Math.min(one.low, other.low));
    });
  }

  plane(version: Version | null): number {
    return version ? Math.round(this.depth * (version.shape[2] - 1)) : 0;
  }

  frame(version: Version): number {
    return Math.min(this.t, version.shape[0] - 1);
  }

  /** World pixels per pixel of a version: 1 for the original, 1/3 after Workflow A. */
  pixel(version: Version): number {
    const original = this.session.original!;
    const [a, b] = [version.pixel_size[2], original.pixel_size[2]];
    return a && b ? a / b : version.step;
  }

  picture(version: Version): Picture {
    const { step } = this.units;
    return {
      key: `${this.session.id}/${version.id}/${version.stamp}`,
      path: `/sessions/${this.session.id}/versions/${version.id}/tile`,
      parameters: { stamp: version.stamp },
      dtype: version.dtype,
      channels: version.shape[1],
      levels: version.levels,
      pixel: this.pixel(version),
      corner: [version.offset[1] / step[1], version.offset[0] / step[0]],
    };
  }

  layer(version: Version, ranged: Version = version): Shown {
    const all = version.channels.map((_, index) => {
      const view = this.channels.list[index];
      const range = this.channels.range(ranged.id, index);
      return { index, visible: view?.visible ?? true, color: rgb(view?.color ?? "#FFFFFF"), ...range };
    });
    // Hidden channels are kept loaded, so that showing them takes no time, as long as the graphics can hold all.
    const channels = all.length <= MOST ? all : all.filter(({ index }) => this.channels.drawn.includes(index));
    return { picture: this.picture(version), t: this.frame(version), z: this.plane(version), channels };
  }

  /** Everything to draw, for a canvas of this width. */
  panes({ width, ratio }: Camera): Pane[] {
    const current = this.session.current;
    const reference = this.reference;
    if (!current) return [];
    // A pane is named by what it shows, so that its tiles stay when the mode changes.
    const middle = width / 2;
    const whole = { x: 0, width, center: middle };
    const now = { id: "now", layers: [this.layer(current), ...this.#overlays(current)] };
    if (!reference) return [{ ...whole, ...now }];
    const before = { id: "before", layers: [this.layer(reference, this.same ? current : undefined)] };
    if (this.mode === "single" && !this.flipped) return [{ ...whole, ...now }];
    if (this.mode === "single" || this.mode === "blink") {
      const order = this.flipped ? [now, before] : [before, now]; // the last one lies on top; both stay loaded
      return order.map((pane) => ({ ...whole, ...pane }));
    }
    if (this.mode === "swipe") {
      const step = grain(ratio);
      const edge = Math.round((width * this.edge) / step) * step;
      return [
        { x: 0, width: edge, center: middle, ...before },
        { x: edge, width: width - edge, center: middle, ...now },
      ];
    }
    if (this.mode === "side") {
      const step = grain(ratio);
      const { half, left } = halved(width, step);
      const seam = step > 4 ? 1 : step;
      return [
        { x: 0, width: half - seam, center: left, ...before },
        { x: half + seam, width: width - half - seam, center: left + half, ...now },
      ];
    }
    const map = this.#map(current, reference);
    return [map ? { ...whole, id: this.mode, layers: [map] } : { ...whole, ...now }];
  }

  /** The preview is of what is looked at now. */
  get previewed(): boolean {
    const current = this.session.current;
    if (!this.preview || !current) return false;
    const { version, t, z } = this.preview;
    return version === current.id && t === this.frame(current) && z === this.plane(current);
  }

  /** A map is looked at that is made when it is first asked for. */
  get mapping(): boolean {
    return (this.mode === "difference" || this.mode === "error") && !!this.reference && this.reference.id !== this.session.current?.id;
  }

  /** Which map belongs to the versions that are looked at now, whatever frame and plane. */
  get compared(): string {
    return `${this.mode}/${this.session.current?.id}/${this.reference?.id}`;
  }

  /** Which map belongs to what is looked at now. */
  get mapped(): string {
    const onto = this.mode === "error" ? this.reference : this.session.current;
    return `${this.compared}/${Math.min(this.t, (onto?.shape[0] ?? 1) - 1)}/${this.plane(onto)}`;
  }

  #map(current: Version, reference: Version): Shown | null {
    const base = `/sessions/${this.session.id}`;
    const grid = this.mode === "error" ? reference : current;
    let [t, z] = [this.frame(grid), this.plane(grid)];
    const channel = { index: Math.min(this.mapChannel, current.shape[1] - 1), visible: true, color: [255, 255, 255] as [number, number, number] };
    if (this.mode === "trust") {
      const picture = { ...this.picture(current), key: `${base}/${current.id}/${current.stamp}/trust`, path: `${base}/versions/${current.id}/trust`, dtype: "float32" };
      return { picture, t, z, channels: [{ ...channel, low: 0, high: 1 }], colormap: COLORMAP.trust };
    }
    // A map of something else may still be here: its levels are not those of the one that is to be shown.
    if (!this.map || (this.mode !== "difference" && this.mode !== "error")) return null;
    if (this.map.of !== this.mapped) {
      // While a series is played, the map of one frame stays until that of the next is there.
      if (!this.player.playing || !this.map.of?.startsWith(`${this.compared}/`)) return null;
      [t, z] = this.map.of.split("/").slice(-2).map(Number) as [number, number];
    }
    const picture: Picture = {
      ...this.picture(grid),
      key: `${base}/${this.compared}/${current.stamp}`,
      path: `${base}/maps/${this.mode}/tile`,
      parameters: { version: current.id, reference: reference.id, stamp: `${current.stamp} ${reference.stamp}` },
      dtype: "float32",
      levels: this.map.levels,
    };
    return { picture, t, z, channels: [{ ...channel, low: this.map.low, high: this.map.high }], colormap: COLORMAP[this.mode] };
  }

  #overlays(version: Version): Shown[] {
    const layers: Shown[] = [];
    const base = `/sessions/${this.session.id}`;
    if (this.preview && this.previewed) {
      const under = this.picture(version);
      const { corner, scale, preview } = this.preview;
      const picture: Picture = {
        key: `${base}/preview/${preview}`,
        path: `${base}/preview/${preview}/tile`,
        dtype: "float32",
        channels: this.preview.channels,
        levels: this.preview.levels,
        pixel: under.pixel / scale,
        corner: [under.corner[0] + corner.x * under.pixel, under.corner[1] + corner.y * under.pixel],
      };
      const { before, after } = this.preview;
      const shown = this.layer(version);
      const channels = shown.channels.map((one) => ({ ...one, ...moved(one, before[one.index]!, after[one.index]!) }));
      layers.push({ ...shown, channels, picture, t: 0, z: 0 });
    }
    if (this.revealed) {
      const { first, second, low, high, roi } = this.revealed;
      const picture: Picture = {
        ...this.picture(version),
        key: `${base}/${version.id}/${version.stamp}/revealed/${first}/${second}/${low}/${high}/${roi?.id}/${roi?.base}`,
        path: `${base}/revealed`,
        parameters: { version: version.id, stamp: version.stamp, first, second, low, high, ...(roi ? { roi: roi.id, base: roi.base } : {}) },
        dtype: "uint8",
        channels: 1,
      };
      const channels = [{ index: 0, visible: true, color: [255, 255, 255] as [number, number, number], low: 0, high: 255 }];
      layers.push({ picture, t: this.frame(version), z: this.plane(version), channels, overlay: true });
    }
    return layers;
  }

  /** The frame and plane of a version that are looked at, as a key of its statistics. */
  place(version: Version): string {
    return `${version.id}/${this.frame(version)}/${this.plane(version)}`;
  }

  /** Of the plane that is looked at, as soon as they are known. */
  statistics(version: Version | null | undefined): ChannelStatistics[] | undefined {
    return version ? this.channels.statistics[this.place(version)] : undefined;
  }

  /** Makes sure that a version can be shown: a contrast for it is known, from a quick look. */
  async ready(version: Version): Promise<void> {
    if (!this.channels.first[version.id]) await this.#measure(version, true);
  }

  /** Measures what is looked at of these versions, once the plane stays for a moment. For an effect: returns what ends it. */
  follow(versions: (Version | null | undefined)[]): () => void {
    if (this.player.playing) return () => undefined; // what is looked at stays for no moment
    const wanted = versions.filter((version) => !!version);
    wanted.forEach((version) => this.place(version));
    const timer = setTimeout(() => wanted.forEach((version) => void this.exact(version).catch(() => undefined)), 100);
    return () => clearTimeout(timer);
  }

  /** The numbers of the plane that is looked at, from all its pixels. */
  async exact(version: Version): Promise<void> {
    if (this.statistics(version)?.some((one) => one.approximate) ?? true) await this.#measure(version, false);
  }

  /** The automatic contrast: of one plane its own; of a stack or series that of the plane looked at, for all of them. */
  async automatic(version: Version): Promise<void> {
    await this.exact(version);
    const found = this.statistics(version);
    const several = version.shape[0] * version.shape[2] > 1;
    this.channels.automatic(version.id, several ? found?.map(({ low, high }) => ({ low, high })) : undefined);
  }

  async #measure(version: Version, quick: boolean): Promise<void> {
    const place = this.place(version);
    const where = `/versions/${version.id}/statistics?t=${this.frame(version)}&z=${this.plane(version)}`;
    const found = await this.session.get<ChannelStatistics[]>(`${where}${quick ? "&quick=true" : ""}`);
    this.channels.know(version.id, place, found, quick);
  }
}
