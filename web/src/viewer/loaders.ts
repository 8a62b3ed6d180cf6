/** The three things that Viv's layers take from `@vivjs/loaders`; see vite.config.ts. */
export const SIGNAL_ABORTED = "__vivSignalAborted";

export function isInterleaved(shape: number[]): boolean {
  const last = shape[shape.length - 1];
  return last === 3 || last === 4;
}

/** Height and width of a source with axes (c, y, x). Its planes are never interleaved. */
export function getImageSize(source: { shape: number[] }): { height: number; width: number } {
  const [height = 0, width = 0] = source.shape.slice(-2);
  return { height, width };
}
