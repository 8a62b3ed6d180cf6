/** What the server says; docs/design/http.md. Sizes are pixels, lengths um. */

export interface Entry {
  name: string;
  path: string;
  kind: "folder" | "image" | "session";
  /** null for what is a folder on the disk, as an OME-Zarr is */
  bytes: number | null;
  modified: number;
}

export interface Listing {
  path: string;
  name: string;
  parents: { name: string; path: string }[];
  entries: Entry[];
  more: number;
}

/** One image of a file of several. */
export interface Listed {
  number: number;
  name: string;
  /** T, C, Z, Y, X; null where it is not known before the image is opened */
  shape: [number, number, number, number, number] | null;
  dtype: string;
  bytes: number | null;
  /** why it cannot be opened */
  problem: string;
  session: string | null;
}

export interface Level {
  factor: number;
  width: number;
  height: number;
}

export interface Notice {
  code: string;
  message: string;
}

export interface Version {
  id: string;
  /** what no other version has, of no other session: for addresses of its pixels, which the browser keeps */
  stamp: string;
  name: string;
  operation: string;
  parent: string | null;
  created: string;
  /** T, C, Z, Y, X */
  shape: [number, number, number, number, number];
  dtype: string;
  /** z, y, x in um */
  pixel_size: [number | null, number | null, number | null];
  channels: string[];
  colors: string[];
  levels: Level[];
  notices: Notice[];
  has_trust: boolean;
  has_interval: boolean;
  /** y, x of the first pixel, in ROI units */
  offset: [number, number];
  /** size of a pixel along x, in pixels of the original */
  step: number;
  bytes: number;
  verdict: Verdict | null;
  recipe: { operation: string; steps: string[]; engine: string | null } | null;
}

export interface Verdict {
  word: "improved" | "unchanged" | "doubtful";
  line: string;
}

export type Point = [number, number]; // y, x

export interface Shape {
  type: "rectangle" | "ellipse" | "polygon" | string;
  name?: string;
  unit: "um" | "pixel";
  y?: number;
  x?: number;
  height?: number;
  width?: number;
  radius_y?: number;
  radius_x?: number;
  angle?: number;
  rings?: Point[][];
  by_hand?: boolean;
}

export interface Roi {
  id: string;
  name: string;
  shape: Shape;
  /** revision in which it changed last */
  base: number;
}

export interface Change {
  revision: number;
  action: string;
  time: string;
  kind: string;
}

export interface Document {
  id: string;
  name: string;
  path: string;
  revision: number;
  current: string;
  can_undo: boolean;
  can_redo: boolean;
  undo_action: string | null;
  redo_action: string | null;
  /** the change that an undo, or redo, is about */
  undo_base: number | null;
  redo_base: number | null;
  read_only: string | null;
  problems: string[];
  unit: "um" | "pixel";
  /** seconds between frames, where that is known */
  time_step: number | null;
  versions: Version[];
  rois: Roi[];
  comment: { id: string; text: string; base: number } | null;
  history: Change[];
  view: { channels?: { visible: boolean; color: string }[]; ranges?: Record<string, { low: number; high: number }[]> };
  pages: number;
  /** the file of several images that it was made from, where that lies beside it, and which of them it is, from 0 */
  one_of: { name: string; number: number } | null;
}

export interface Advice {
  workflow: "A" | "B";
  reason: string;
  /** what may disappoint; `foreign` among them: of channels that do not look like fluorescence */
  remarks: string[];
  foreign: string[];
  shape: number[];
  bytes: number;
  fits: boolean;
  /** a guess for an ordinary laptop */
  seconds: number;
  /** per channel: width of the lens's point-spread function by the file's optics, um */
  psf: (number | null)[];
}

export interface ChannelStatistics {
  minimum: number;
  maximum: number;
  mean: number;
  /** automatic contrast */
  low: number;
  high: number;
  saturated: number;
  /** from a smaller copy, in a hurry */
  approximate: boolean;
  /** counts per bin between `from` and `to` */
  histogram: number[];
  from: number;
  to: number;
}

export interface Job {
  id: string;
  kind: string;
  session: string | null;
  title: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  /** it was asked to stop, and will at its next step */
  stopping: boolean;
  fraction: number;
  what: string;
  message: string;
  result: Record<string, unknown>;
  seconds_left: number | null;
  seconds: number | null;
}

/** What `abbe.Colocalization.to_dict` says; coefficients are numbers by their key. */
export interface Colocalization {
  [key: string]: unknown;
  channels: [number, number];
  names: [string, string];
  n: number;
  undefined: Record<string, string>;
  /** what unrelated channels would have, where that is not 0 */
  chance: Record<string, number>;
  /** coefficients that mean little; a warning says why */
  doubtful: string[];
  region: { frames: [number, number]; planes: [number, number] };
  words: Record<string, string>;
  words_source: string;
  thresholds: { method: string; first: number | null; second: number | null; undefined: string | null };
  pixels: PixelInformation;
  warnings: Notice[];
  original: Colocalization | null;
}

export interface Count {
  pixels: number;
  percent_of_roi: number;
  size: number | null;
  unit: string | null;
}

export interface PixelInformation {
  [key: string]: unknown;
}

export interface Scattergram {
  names: [string, string];
  /** [first channel's bin][second channel's bin] */
  counts: number[][];
  first: [number, number];
  second: [number, number];
  bins: number;
  /** both ends of the regression line */
  line: [[number, number], [number, number]] | null;
}

export interface Definition {
  title: string;
  formula: string;
  source: string;
  meaning: string;
}

export interface ModelInfo {
  name: string;
  title: string;
  task: string;
  /** share of the adversarial partner at first; null where there is none */
  realism: number | null;
}

export interface ServerState {
  version: string;
  folder: string;
  lan: boolean;
  upload: number;
  models: ModelInfo[];
  device: string;
}
