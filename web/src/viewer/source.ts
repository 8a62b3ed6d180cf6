/** Pictures that can be drawn: a version, a map over a version, a preview. Tiles come from the server and are kept by the browser. */
import { ApiError, passing, query, request } from "../lib/api";
import { live } from "../lib/live.svelte";
import { notes } from "../lib/notes.svelte";
import type { Level } from "../lib/types";
import { SIGNAL_ABORTED } from "./loaders";

export const TILE = 512;

/** dtype of the server -> Viv's name, and the array that holds it */
const TYPES = {
  uint8: ["Uint8", Uint8Array],
  uint16: ["Uint16", Uint16Array],
  uint32: ["Uint32", Uint32Array],
  int8: ["Int8", Int8Array],
  int16: ["Int16", Int16Array],
  int32: ["Int32", Int32Array],
  float32: ["Float32", Float32Array],
} as const;

export interface Selection {
  t: number;
  c: number;
  z: number;
}

export interface Picture {
  /** unique among everything drawn; a picture never changes its pixels */
  key: string;
  /** path of its tiles below /api */
  path: string;
  parameters?: Record<string, string | number>;
  dtype: string;
  channels: number;
  levels: Level[];
  /** world pixels per pixel of the picture */
  pixel: number;
  /** world x, y of its corner */
  corner: [number, number];
}

interface TileRequest {
  x: number;
  y: number;
  selection: Selection;
  signal?: AbortSignal;
}

/** milliseconds between two attempts to get a tile that did not come */
const PAUSE = 500;

/**
 * The pixels of a tile. One that is lost on the way is asked for again until it comes or nobody waits: the layer asks once, and would show the
 * coarser picture below it for good.
 */
async function pixels(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  for (;;) {
    const from = performance.now();
    try {
      const buffer = await (await request("GET", path, undefined, signal)).arrayBuffer();
      note(performance.now() - from, buffer.byteLength);
      return buffer;
    } catch (problem) {
      // a body that breaks off is a TypeError
      if (signal?.aborted || !(passing(problem) || problem instanceof TypeError)) throw problem;
    }
    do {
      await new Promise((wake) => setTimeout(wake, PAUSE));
      signal?.throwIfAborted();
    } while (live.away);
  }
}

/** Size of the part of a level whose pixels lie in the image altogether. */
export function within(levels: Level[], index: number): { width: number; height: number } {
  const [full, level] = [levels[0]!, levels[index]!];
  const inside = (side: "width" | "height") => Math.min(level[side], Math.floor((full[side] * full.factor) / level.factor));
  return { width: inside("width"), height: inside("height") };
}

class Pyramid {
  readonly shape: number[];
  readonly labels = ["c", "y", "x"];
  readonly tileSize = TILE;
  readonly dtype: string;
  readonly #array: (typeof TYPES)[keyof typeof TYPES][1];

  constructor(
    private readonly picture: Picture,
    private readonly index: number,
  ) {
    const level = picture.levels[index]!;
    // Viv takes a picture 3 or 4 pixels wide for interleaved RGB; a width that is no whole number is neither, and rounds to the same pixels.
    this.shape = [picture.channels, level.height, level.width === 3 || level.width === 4 ? level.width + 2 ** -20 : level.width];
    const type = TYPES[picture.dtype as keyof typeof TYPES] ?? TYPES.float32;
    [this.dtype, this.#array] = type;
  }

  async getTile({ x, y, selection, signal }: TileRequest) {
    const level = this.picture.levels[this.index]!;
    const width = Math.min(TILE, level.width - x * TILE);
    const height = Math.min(TILE, level.height - y * TILE);
    const { t, c, z } = selection;
    const buffer = await pixels(`${this.picture.path}${query({ level: this.index, t, c, z, x, y, ...this.picture.parameters })}`, signal);
    return { data: new this.#array(buffer), width, height };
  }

  /**
   * Viv asks for a whole level as backdrop of a pyramid; the smallest level is one tile, or a few. Its pixels at the right and lower border, of
   * which the image has a part only, are left out: each is drawn in full size, and would smear over the image's border.
   */
  async getRaster({ selection, signal }: Omit<TileRequest, "x" | "y">) {
    const { width, height } = within(this.picture.levels, this.index);
    const data = new this.#array(width * height);
    const parts: Promise<void>[] = [];
    for (let y = 0; y * TILE < height; y++)
      for (let x = 0; x * TILE < width; x++)
        parts.push(
          this.getTile({ x, y, selection, ...(signal ? { signal } : {}) }).then((tile) => {
            for (let row = 0; row < tile.height; row++)
              if (y * TILE + row < height) data.set(tile.data.subarray(row * tile.width, row * tile.width + Math.min(tile.width, width - x * TILE)), (y * TILE + row) * width + x * TILE);
          }),
        );
    try {
      await Promise.all(parts);
    } catch (problem) {
      throw signal?.aborted ? SIGNAL_ABORTED : problem; // the one word by which Viv's layer knows that nobody waits any more
    }
    return { data, width, height };
  }

  onTileError(problem: Error & { name?: string }): void {
    if (problem.name === "AbortError" || (problem as unknown) === SIGNAL_ABORTED) return;
    console.warn("a tile did not come:", problem.message);
    if (problem instanceof ApiError && problem.code === "limit") notes.problem(problem); // there will be none of the others either
  }
}

const known = new Map<string, Pyramid[]>();

/** The same array for the same picture, so that the layer keeps its tiles. */
export function pyramid(picture: Picture): Pyramid[] {
  let found = known.get(picture.key);
  if (!found) {
    found = picture.levels.map((_, index) => new Pyramid(picture, index));
    known.set(picture.key, found);
    if (known.size > 60) known.delete(known.keys().next().value!);
  }
  return found;
}

let recent: number[] = [];

/** Say that a picture is slow because it is large, when tiles take long to arrive, not when the server is away. */
function note(milliseconds: number, size: number): void {
  recent.push(milliseconds);
  if (recent.length < 6) return;
  const middle = [...recent].sort((a, b) => a - b)[recent.length >> 1]!;
  recent = recent.slice(-11);
  const each = `${(middle / 1000).toFixed(1)} s each to arrive`;
  if (middle < 1200) live.slow = null;
  else if (live.jobs.some((job) => job.state === "running")) live.slow = "Slower while abbe is working on an image";
  else live.slow = size > 5e5 ? `Slow because large: parts of ${(size / 1e6).toFixed(1)} MB take ${each}` : `Slow connection: parts of the image take ${each}`;
}
