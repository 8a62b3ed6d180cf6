/** The canvas: panes of pictures, drawn by deck.gl with Viv's layers. */
import { type CompositeLayer, Deck, type Layer, OrthographicView } from "@deck.gl/core";
import { TileLayer } from "@deck.gl/geo-layers";
import { AdditiveColormapExtension, ColorPaletteExtension } from "@vivjs/extensions";
import { MultiscaleImageLayer } from "@vivjs/layers";
import type { Camera } from "./camera.svelte";
import { type Picture, pyramid, within } from "./source";

/** What Viv's layer is, whose types say nothing. */
declare class Drawing extends CompositeLayer<{ finer: number }> {
  renderLayers(): Layer[];
}
/**
 * Tiles as fine as the screen: deck.gl takes those that are as fine as CSS pixels, of which a screen may have a half or a third as many. `finer` counts
 * how many levels of the pyramid that is.
 */
class Multiscale extends (MultiscaleImageLayer as unknown as new (properties: object) => Drawing) {
  static layerName = "MultiscaleImageLayer";
  override renderLayers() {
    const layers = super.renderLayers();
    return layers.map((layer) => (layer instanceof TileLayer ? layer.clone({ zoomOffset: this.props.finer }) : layer));
  }
}

type Drawn = Multiscale;

export interface Shown {
  picture: Picture;
  t: number;
  z: number;
  channels: { index: number; visible: boolean; color: [number, number, number]; low: number; high: number }[];
  /** a colour map instead of the channels' colours */
  colormap?: string;
  /** black is see-through: an overlay */
  overlay?: boolean;
  opacity?: number;
}

export interface Pane {
  id: string;
  /** on the canvas, CSS pixels */
  x: number;
  width: number;
  /** screen x of the canvas point that the camera's centre falls on; a swiped pane is a window onto one shared picture */
  center: number;
  layers: Shown[];
}

const inItsView = ({ layer, viewport }: { layer: { id: string }; viewport: { id: string } }) => layer.id.startsWith(`${viewport.id}/`);
const inherited = () => "inherit";
const nothing = () => undefined;

const palette = new ColorPaletteExtension();
const colormaps = new AdditiveColormapExtension();

/** The stage that nobody uses now. */
let idle: Stage | null = null;

/**
 * One for all images, one after the other: what the graphics libraries of a canvas hold on to (they listen to the window for good) would else stay
 * with every image that is opened, its part of the page with it; and of WebGL contexts a browser gives sixteen.
 */
export class Stage {
  readonly #canvas = document.createElement("canvas");
  readonly #deck: Deck<OrthographicView[]>;
  #layers: Drawn[] = [];
  #busy: (yes: boolean) => void = nothing;
  #failed: (message: string) => void = nothing;
  #lost = false;

  /** A stage in this box, in front of which nothing is yet. `busy` is told whether tiles of what is in view are still to come. */
  static enter(box: HTMLElement, failed: (message: string) => void, busy: (yes: boolean) => void): Stage {
    const stage = idle ?? new Stage(box);
    idle = null;
    stage.#failed = failed;
    stage.#busy = busy;
    box.prepend(stage.#canvas);
    return stage;
  }

  private constructor(box: HTMLElement) {
    this.#canvas.inert = true; // keys and pointers are the box's; deck.gl would make it a stop of the Tab key
    this.#canvas.addEventListener("webglcontextlost", () => (this.#lost = true));
    box.prepend(this.#canvas);
    this.#deck = new Deck<OrthographicView[]>({
      canvas: this.#canvas,
      width: "100%",
      height: "100%",
      views: [],
      layers: [],
      controller: false,
      layerFilter: inItsView,
      getCursor: inherited,
      onAfterRender: () => this.#busy(this.#layers.length === 0 || !this.#layers.every((layer) => layer.isLoaded)),
      onError: (problem: Error) => {
        if (problem.name !== "AbortError") this.#failed(problem.message);
      },
    });
  }

  draw(camera: Camera, panes: Pane[]): void {
    // a whole number of them, which must not be rounded down to one less
    this.#deck.setProps({ useDevicePixels: camera.ratio + 1e-9 });
    const views: OrthographicView[] = [];
    const states: Record<string, { target: [number, number, number]; zoom: number }> = {};
    const layers: Drawn[] = [];
    for (const pane of panes) {
      if (pane.width < 1) continue;
      pane.layers.forEach((layer, index) => {
        const { picture } = layer;
        const id = `${pane.id}.${index}`;
        // The pane's own centre, in the picture's pixels: every picture is drawn in its own grid, no matrix needed.
        const x = camera.x + (pane.x + pane.width / 2 - pane.center) / camera.scale;
        views.push(new OrthographicView({ id, x: pane.x, y: 0, width: pane.width, height: "100%", flipY: true, near: 0.1, far: 1000 }));
        states[id] = {
          target: [(x - picture.corner[0]) / picture.pixel, (camera.y - picture.corner[1]) / picture.pixel, 0],
          zoom: Math.log2(camera.scale * picture.pixel),
        };
        const { zoom } = states[id];
        layers.push(multiscale(id, layer, Math.ceil(zoom + Math.log2(camera.ratio)) - Math.ceil(zoom)));
      });
    }
    if (layers.some(({ id }) => !this.#layers.some((known) => known.id === id))) this.#busy(true);
    this.#layers = layers;
    this.#deck.setProps({ views, viewState: states as never, layers });
    if (!layers.every((layer) => layer.isLoaded)) this.#busy(true); // other planes of the same picture
  }

  /** The canvas as it is, drawn anew first: a WebGL canvas keeps nothing. */
  async picture(): Promise<Blob | null> {
    this.#deck.redraw("picture");
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/png"));
  }

  /** Empty, and free for the next image; one whose graphics were taken away is given up. */
  leave(): void {
    this.#layers = [];
    this.#busy = this.#failed = nothing;
    this.#deck.setProps({ views: [], layers: [] });
    this.#canvas.remove();
    if (!idle && !this.#lost) idle = this;
    else this.#end();
  }

  #end(): void {
    this.#deck.finalize();
    this.#canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const chosen = new Map<string, { t: number; c: number; z: number }[]>();

/** The same array for the same planes: a layer that is handed another one asks for all its tiles again. */
function selections(t: number, z: number, channels: number[]): { t: number; c: number; z: number }[] {
  const key = `${t}/${z}/${channels.join()}`;
  let found = chosen.get(key);
  if (!found) {
    found = channels.map((c) => ({ t, c, z }));
    chosen.set(key, found);
    if (chosen.size > 200) chosen.delete(chosen.keys().next().value!);
  }
  return found;
}

function multiscale(view: string, layer: Shown, finer: number): Drawn {
  const { picture, t, z, channels, colormap, overlay, opacity = 1 } = layer;
  const backdrop = within(picture.levels, picture.levels.length - 1);
  const properties = {
    id: `${view}/${picture.key}`,
    viewportId: view, // which tiles are needed is decided by this view, not by the one that was drawn last
    loader: pyramid(picture),
    selections: selections(t, z, channels.map(({ index }) => index)),
    channelsVisible: channels.map(({ visible }) => visible),
    contrastLimits: channels.map(({ low, high }) => [low, high > low ? high : low + 1]),
    colors: channels.map(({ color }) => color),
    extensions: colormap ? [colormaps] : [palette],
    ...(colormap ? { colormap } : {}),
    ...(overlay ? { useTransparentColor: true, transparentColor: [0, 0, 0] } : {}),
    opacity,
    finer,
    pickable: false,
    excludeBackground: (overlay ?? false) || !backdrop.width || !backdrop.height,
    maxRequests: 12,
    refinementStrategy: opacity === 1 ? "best-available" : "no-overlap",
  };
  return new Multiscale(properties);
}
