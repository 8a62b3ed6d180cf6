/** What the page shows, by the address: `#/` the files, `#/folder/PATH`, `#/images/FILE`, `#/session/ID`. Reloading shows the same. */
class Route {
  session = $state<string | null>(null);
  folder = $state("");
  /** a file of several images, in the folder, of which some are to be chosen */
  file = $state<string | null>(null);

  constructor() {
    this.#read();
    window.addEventListener("hashchange", () => this.#read());
  }

  #read(): void {
    const [, kind, ...rest] = location.hash.slice(1).split("/");
    this.session = kind === "session" && rest[0] ? rest[0] : null;
    const path = rest.map(decodeURIComponent);
    this.file = kind === "images" && path.length ? path.join("/") : null;
    if (!this.session) this.folder = kind === "folder" ? path.join("/") : this.file ? path.slice(0, -1).join("/") : "";
  }

  toSession(id: string): void {
    location.hash = `/session/${id}`;
  }

  toFolder(path: string): void {
    location.hash = path ? `/folder/${spelled(path)}` : "/";
  }

  toImages(file: string): void {
    location.hash = `/images/${spelled(file)}`;
  }
}

const spelled = (path: string) => path.split("/").map(encodeURIComponent).join("/");

export const route = new Route();
