/** Regions on the screen: world pixels in, world pixels out; the server's shapes are in um where the pixel size is known. */
import type { Shape } from "../lib/types";

export interface Units {
  unit: "um" | "pixel";
  /** y, x: units per world pixel */
  step: [number, number];
}

/** Those of a shape: what was drawn elsewhere may be in pixels of the original, which are the world's, where the page draws in um. */
const own = (shape: Shape, units: Units): Units => (shape.unit === units.unit ? units : { unit: shape.unit, step: [1, 1] });

/** Is it a shape that the page draws and moves? Masks and combinations, which are made in Python, it measures in alone. */
export const drawable = (shape: Shape): boolean => shape.type === "rectangle" || shape.type === "ellipse" || !!shape.rings?.length;

/** Corners of a ring that is drawn as it is: a hand rarely sets more. */
const FEW = 24;

export type Tool = "rectangle" | "ellipse" | "polygon" | "freehand";

/** As an SVG path in world pixels; corners that are no farther than `tolerance` from the line without them are left out. */
export function outline(shape: Shape, units: Units, tolerance = 0): string {
  const [sy, sx] = own(shape, units).step;
  const { x = 0, y = 0 } = shape;
  if (shape.type === "rectangle") {
    const { width = 0, height = 0 } = shape;
    return `M${x / sx} ${y / sy}h${width / sx}v${height / sy}h${-width / sx}z`;
  }
  if (shape.type === "ellipse") {
    const rx = (shape.radius_x ?? 0) / sx;
    const ry = (shape.radius_y ?? 0) / sy;
    const turn = (-(shape.angle ?? 0) * Math.PI) / 180;
    const dx = rx * Math.cos(turn);
    const dy = rx * Math.sin(turn);
    const cx = x / sx;
    const cy = y / sy;
    const degrees = (turn * 180) / Math.PI;
    return `M${cx - dx} ${cy - dy}A${rx} ${ry} ${degrees} 1 1 ${cx + dx} ${cy + dy}A${rx} ${ry} ${degrees} 1 1 ${cx - dx} ${cy - dy}z`;
  }
  return (shape.rings ?? [])
    .map((ring) => {
      const points = ring.map(([py, px]): [number, number] => [px / sx, py / sy]);
      return `M${(tolerance && points.length > FEW ? thinned(points, tolerance) : points).map(([px, py]) => `${px} ${py}`).join("L")}z`;
    })
    .join("");
}

/** The shape moved by world pixels. */
export function moved(shape: Shape, dx: number, dy: number, units: Units): Shape {
  const [sy, sx] = own(shape, units).step;
  if (shape.rings) return { ...shape, rings: shape.rings.map((ring) => ring.map(([y, x]) => [y + dy * sy, x + dx * sx] as [number, number])) };
  return { ...shape, y: (shape.y ?? 0) + dy * sy, x: (shape.x ?? 0) + dx * sx };
}

/** From one corner to the other, in world pixels. */
export function spanned(tool: "rectangle" | "ellipse", a: [number, number], b: [number, number], units: Units): Shape {
  const [sy, sx] = units.step;
  const [left, right] = [Math.min(a[0], b[0]) * sx, Math.max(a[0], b[0]) * sx];
  const [top, bottom] = [Math.min(a[1], b[1]) * sy, Math.max(a[1], b[1]) * sy];
  if (tool === "rectangle") return { type: "rectangle", unit: units.unit, y: top, x: left, height: bottom - top, width: right - left };
  return {
    type: "ellipse",
    unit: units.unit,
    y: (top + bottom) / 2,
    x: (left + right) / 2,
    radius_y: (bottom - top) / 2,
    radius_x: (right - left) / 2,
    angle: 0,
  };
}

export function traced(points: [number, number][], byHand: boolean, units: Units): Shape {
  const [sy, sx] = units.step;
  return { type: "polygon", unit: units.unit, rings: [points.map(([x, y]) => [y * sy, x * sx] as [number, number])], by_hand: byHand };
}

/** Left, top, right, bottom in world pixels. */
export function bounds(shape: Shape, units: Units): [number, number, number, number] {
  const [sy, sx] = own(shape, units).step;
  const { x = 0, y = 0 } = shape;
  if (shape.type === "rectangle") return [x / sx, y / sy, (x + (shape.width ?? 0)) / sx, (y + (shape.height ?? 0)) / sy];
  if (shape.type === "ellipse") {
    const turn = ((shape.angle ?? 0) * Math.PI) / 180;
    const [a, b] = [shape.radius_x ?? 0, shape.radius_y ?? 0];
    const w = Math.hypot(a * Math.cos(turn), b * Math.sin(turn));
    const h = Math.hypot(a * Math.sin(turn), b * Math.cos(turn));
    return [(x - w) / sx, (y - h) / sy, (x + w) / sx, (y + h) / sy];
  }
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of shape.rings ?? []) {
    for (const [py, px] of ring) {
      // one by one: the outline of a mask may have more corners than a function takes arguments
      box[0] = Math.min(box[0], px / sx);
      box[1] = Math.min(box[1], py / sy);
      box[2] = Math.max(box[2], px / sx);
      box[3] = Math.max(box[3], py / sy);
    }
  }
  return box;
}

/** Stretched so that its bounds become these. */
export function stretched(shape: Shape, to: [number, number, number, number], units: Units): Shape {
  const from = bounds(shape, units);
  const mine = own(shape, units);
  const [sy, sx] = mine.step;
  const fx = (to[2] - to[0]) / Math.max(from[2] - from[0], 1e-9);
  const fy = (to[3] - to[1]) / Math.max(from[3] - from[1], 1e-9);
  const px = (x: number) => (to[0] + (x / sx - from[0]) * fx) * sx;
  const py = (y: number) => (to[1] + (y / sy - from[1]) * fy) * sy;
  if (shape.type === "rectangle") return spanned("rectangle", [to[0], to[1]], [to[2], to[3]], mine);
  if (shape.type === "ellipse" && !(shape.angle ?? 0)) return spanned("ellipse", [to[0], to[1]], [to[2], to[3]], mine);
  if (shape.rings) return { ...shape, rings: shape.rings.map((ring) => ring.map(([y, x]) => [py(y), px(x)] as [number, number])) };
  return shape;
}

/** Corners that can be moved one by one, world x and y: of a polygon that was set corner by corner; else none. */
export function cornersOf(shape: Shape, units: Units): [number, number][] {
  const [ring, another] = shape.rings ?? [];
  if (shape.type !== "polygon" || shape.by_hand || !ring || another) return [];
  const [first, last] = [ring[0]!, ring.at(-1)!];
  const open = ring.length > 1 && first[0] === last[0] && first[1] === last[1] ? ring.slice(0, -1) : ring; // files close a ring with its first corner
  if (open.length > FEW) return [];
  const [sy, sx] = own(shape, units).step;
  return open.map(([y, x]) => [x / sx, y / sy]);
}

/** The polygon with these corners. */
export function cornered(shape: Shape, corners: [number, number][], units: Units): Shape {
  const [sy, sx] = own(shape, units).step;
  return { ...shape, rings: [corners.map(([x, y]) => [y * sy, x * sx] as [number, number])] };
}

/** Points of a freehand line thinned out to what the eye can tell (Ramer, Douglas and Peucker). */
export function thinned(points: [number, number][], tolerance: number): [number, number][] {
  if (points.length < 3) return points;
  const [a, b] = [points[0]!, points[points.length - 1]!];
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  let farthest = 0;
  let split = 0;
  for (let index = 1; index < points.length - 1; index++) {
    const p = points[index]!;
    const distance = length
      ? Math.abs((b[0] - a[0]) * (a[1] - p[1]) - (a[0] - p[0]) * (b[1] - a[1])) / length
      : Math.hypot(p[0] - a[0], p[1] - a[1]);
    if (distance > farthest) [farthest, split] = [distance, index];
  }
  if (farthest <= tolerance) return [a, b];
  return [...thinned(points.slice(0, split + 1), tolerance).slice(0, -1), ...thinned(points.slice(split), tolerance)];
}
