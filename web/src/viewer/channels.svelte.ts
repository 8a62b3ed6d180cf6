/** How channels are shown: visible, colour, contrast. One set per session; contrast per version, because restoration changes the range. */
import type { ChannelStatistics } from "../lib/types";

export interface ChannelView {
  visible: boolean;
  color: string;
}

export interface Range {
  low: number;
  high: number;
}

/** channels shown at once: more colours than these nobody can tell apart in one picture, nor does the graphics layer take more */
export const MOST = 6;

export class Channels {
  list = $state<ChannelView[]>([]);
  /** indices of those that are in the picture */
  drawn = $derived(this.list.flatMap(({ visible }, index) => (visible ? [index] : [])).slice(0, MOST));
  /** version id -> per channel; absent: the automatic contrast, that of the place that was measured first */
  ranges = $state<Record<string, Range[]>>({});
  /** version id / frame / plane -> per channel */
  statistics = $state.raw<Record<string, ChannelStatistics[]>>({});
  /** version id -> the place whose statistics give the automatic contrast: one for all planes, so that they can be told apart */
  first = $state.raw<Record<string, string>>({});

  start(colors: string[]): void {
    this.list = colors.map((color, index) => ({ visible: index < MOST, color }));
  }

  range(version: string, channel: number): Range {
    const set = this.ranges[version]?.[channel];
    if (set) return set;
    const found = this.statistics[this.first[version] ?? ""]?.[channel];
    return found ? { low: found.low, high: found.high } : { low: 0, high: 255 };
  }

  set(version: string, channel: number, range: Range): void {
    const all = this.list.map((_, index) => this.range(version, index));
    all[channel] = range;
    this.ranges = { ...this.ranges, [version]: all };
  }

  /** Forgets what was chosen; `ranges` are set in its place where they are given. */
  automatic(version: string, ranges?: Range[]): void {
    const { [version]: _, ...rest } = this.ranges;
    this.ranges = ranges ? { ...rest, [version]: ranges } : rest;
  }

  /** What was measured at a place; a quick look does not replace an exact one. */
  know(version: string, place: string, found: ChannelStatistics[], quick: boolean): void {
    if (!quick || !this.statistics[place]) this.statistics = { ...this.statistics, [place]: found };
    if (!this.first[version]) this.first = { ...this.first, [version]: place };
  }
}

/** Distinguishable with any colour vision (Okabe & Ito 2008), then the customary ones. */
export const SAFE = ["#CC79A7", "#009E73", "#56B4E9", "#E69F00", "#F0E442", "#0072B2", "#D55E00", "#FFFFFF"];
export const CUSTOMARY = ["#FF0000", "#00FF00", "#0000FF", "#FF00FF", "#00FFFF", "#FFFF00"];

export function rgb(color: string): [number, number, number] {
  const hex = color.replace("#", "");
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) || 0) as [number, number, number];
}
