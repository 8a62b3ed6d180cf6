/**
 * CSS pixels that are whole pixels of a screen with `ratio` of its own for each: 4 where the system enlarges by a quarter. 1 where none below 20 are.
 */
export function grain(ratio: number): number {
  for (let pixels = 1; pixels <= 20; pixels++) if (Math.abs(pixels * ratio - Math.round(pixels * ratio)) < 1e-3) return pixels;
  return 1;
}

/**
 * Of two pictures side by side: the width of each, and the middle of the left one, as far from the screen's grid, of `step` CSS pixels, as that of a
 * whole picture.
 */
export function halved(width: number, step = 1): { half: number; left: number } {
  const half = Math.floor(width / 2 / step) * step;
  return { half, left: width / 2 - Math.round((width - half) / 2 / step) * step };
}

/**
 * Where one looks. Everything is in pixels of the original image ("world"), so that every version, map and region shares one camera.
 * World (0, 0) is the outer corner of the first pixel. `scale` is screen pixels per world pixel.
 */
export class Camera {
  /** shown at 100 %, on the screen's grid: a window of another size keeps it so */
  #exact = false;

  x = $state(0);
  y = $state(0);
  scale = $state(1);
  /** of the picture on the screen, in CSS pixels */
  width = $state(0);
  height = $state(0);
  /** pixels of the screen for one CSS pixel */
  ratio = $state(1);
  /** of the image, in world pixels */
  #world: [number, number] = [1, 1];
  /** true until somebody moves: then a changed window shows the whole image again */
  #fitted = true;
  /** pictures side by side, which share the width */
  #beside = 1;

  set world([width, height]: [number, number]) {
    this.#world = [width, height];
  }

  set beside(pictures: number) {
    if (pictures === this.#beside) return;
    this.#beside = pictures;
    if (this.#fitted) this.fit();
  }

  /** A picture of about this many CSS pixels, on a screen that has `ratio` pixels for each: as many as are whole pixels of the screen. */
  resize(width: number, height: number, ratio = 1): void {
    const step = grain(ratio);
    ratio = step > 1 ? Math.round(step * ratio) / step : ratio;
    width = Math.max(0, Math.floor(width / step) * step);
    height = Math.max(0, Math.floor(height / step) * step);
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    const before = this.ratio;
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    if (this.#exact) this.scale *= before / ratio;
    if (this.#fitted) this.fit();
    else if (this.#exact) this.#snap();
  }

  fit(): void {
    const [w, h] = this.#world;
    this.x = w / 2;
    this.y = h / 2;
    if (this.width && this.height) this.scale = Math.min(64, (this.width / this.#beside - 24) / w, (this.height - 24) / h);
    this.#fitted = true;
    this.#exact = false;
  }

  /** `factor` times larger; the world point under (sx, sy) stays where it is. */
  zoom(factor: number, sx = this.width / 2, sy = this.height / 2): void {
    const [w, h] = this.#world;
    const least = Math.min(8 / Math.max(w, h), this.scale);
    const before = this.toWorld(sx, sy);
    this.scale = Math.min(400, Math.max(least, this.scale * factor));
    this.#exact = false;
    this.x = before[0] - (sx - this.width / 2) / this.scale;
    this.y = before[1] - (sy - this.height / 2) / this.scale;
    this.#moved();
  }

  /**
   * One pixel of a version, `pixel` world pixels wide, for each of the screen, and on its grid: between the screen's pixels some rows are shown
   * twice, and others not at all.
   */
  actual(pixel: number): void {
    this.zoom(1 / (this.scale * pixel * this.ratio));
    this.#exact = true;
    this.#snap();
  }

  #snap(): void {
    const whole = (at: number, middle: number) => (middle - Math.round((middle - at * this.scale) * this.ratio) / this.ratio) / this.scale;
    this.x = whole(this.x, this.width / 2);
    this.y = whole(this.y, this.height / 2);
  }

  pan(dx: number, dy: number): void {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.#moved();
  }

  look(x: number, y: number, scale: number): void {
    this.x = x;
    this.y = y;
    this.scale = scale;
    this.#exact = false;
    this.#moved();
  }

  #moved(): void {
    const [w, h] = this.#world;
    this.x = Math.min(w, Math.max(0, this.x));
    this.y = Math.min(h, Math.max(0, this.y));
    this.#fitted = false;
  }

  toWorld(sx: number, sy: number): [number, number] {
    return [this.x + (sx - this.width / 2) / this.scale, this.y + (sy - this.height / 2) / this.scale];
  }

  toScreen(x: number, y: number): [number, number] {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** The part of the world on the screen: left, top, width, height, within the image. */
  region(): { x: number; y: number; width: number; height: number } {
    const [w, h] = this.#world;
    const [x0, y0] = this.toWorld(0, 0);
    const [x1, y1] = this.toWorld(this.width, this.height);
    const left = Math.max(0, x0);
    const top = Math.max(0, y0);
    return { x: left, y: top, width: Math.max(1, Math.min(w, x1) - left), height: Math.max(1, Math.min(h, y1) - top) };
  }
}
