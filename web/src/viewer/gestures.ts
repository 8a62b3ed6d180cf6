/** Mouse, pen and fingers: drag to move, wheel or two fingers to zoom, double tap to zoom in. */
import type { Camera } from "./camera.svelte";

export interface Drawing {
  /** true: the gesture belongs to a drawing tool, and does not move the picture */
  down(event: PointerEvent): boolean;
  move(event: PointerEvent): void;
  up(event: PointerEvent): void;
  /** the gesture counts for nothing; what earlier ones made stays */
  cancel(): void;
}

interface Finger {
  x: number;
  y: number;
  pen: boolean;
}

export function gestures(element: HTMLElement, camera: Camera, fold: (x: number) => number, drawing: Drawing, moved: () => void): () => void {
  const fingers = new Map<number, Finger>();
  let drawn: number | null = null;
  let tapped = 0;
  let still = true;

  const at = (event: PointerEvent | WheelEvent): Finger => {
    const box = element.getBoundingClientRect();
    return { x: fold(event.clientX - box.left), y: event.clientY - box.top, pen: event instanceof PointerEvent && event.pointerType === "pen" };
  };
  const drop = () => {
    if (drawn !== null) drawing.cancel();
    drawn = null;
  };
  const spread = () => {
    const [a, b] = [...fingers.values()] as [Finger, Finger];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) };
  };

  const down = (event: PointerEvent) => {
    if (event.pointerType === "mouse" && event.button > 1) return;
    if ((event.target as Element).closest("[data-handle]")) return;
    if (event.pointerType === "touch" && [...fingers.values()].some(({ pen }) => pen)) return; // the hand that holds the pen
    if (event.pointerType === "pen" && fingers.size) {
      drop(); // the hand came down before the pen did
      fingers.clear();
    }
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    still = true;
    if (fingers.size === 1 && event.button === 0 && drawing.down(event)) drawn = event.pointerId;
    else if (fingers.size === 2) drop(); // a second finger: it was meant to zoom
  };
  const move = (event: PointerEvent) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (drawn === event.pointerId) {
      drawing.move(event);
      return;
    }
    if (fingers.size === 1) {
      if (Math.hypot(now.x - before.x, now.y - before.y) > 0) camera.pan(now.x - before.x, now.y - before.y);
      fingers.set(event.pointerId, now);
    } else if (fingers.size === 2) {
      const was = spread();
      fingers.set(event.pointerId, now);
      const is = spread();
      camera.pan(is.x - was.x, is.y - was.y);
      if (was.distance > 4) camera.zoom(is.distance / was.distance, is.x, is.y);
    }
    still = false;
    moved();
  };
  const up = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return;
    if (drawn === event.pointerId) {
      drawing.up(event);
      drawn = null;
      return;
    }
    if (event.pointerType === "touch" && still && fingers.size === 0) {
      const now = performance.now();
      const place = at(event);
      if (now - tapped < 300) {
        camera.zoom(2, place.x, place.y);
        moved();
      }
      tapped = now;
    }
  };
  /** The browser or the system took the pointer away: nothing was meant by it. */
  const gone = (event: PointerEvent) => {
    if (fingers.delete(event.pointerId) && drawn === event.pointerId) drop();
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const place = at(event);
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 24 : event.deltaY;
    // A trackpad's pinch comes as a wheel with Ctrl and small steps.
    camera.zoom(Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.0022)), place.x, place.y);
    moved();
  };

  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", gone);
  element.addEventListener("wheel", wheel, { passive: false });
  return () => {
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", gone);
    element.removeEventListener("wheel", wheel);
  };
}
