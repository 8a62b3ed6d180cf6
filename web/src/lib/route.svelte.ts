/** What the page shows, by the address: `#/` the files, `#/folder/PATH`, `#/session/ID`. Reloading shows the same. */
class Route {
  session = $state<string | null>(null);
  folder = $state("");

  constructor() {
    this.#read();
    window.addEventListener("hashchange", () => this.#read());
  }

  #read(): void {
    const [, kind, ...rest] = location.hash.slice(1).split("/");
    this.session = kind === "session" && rest[0] ? rest[0] : null;
    if (!this.session) this.folder = kind === "folder" ? rest.map(decodeURIComponent).join("/") : "";
  }

  toSession(id: string): void {
    location.hash = `/session/${id}`;
  }

  toFolder(path: string): void {
    location.hash = path ? `/folder/${path.split("/").map(encodeURIComponent).join("/")}` : "/";
  }
}

export const route = new Route();
