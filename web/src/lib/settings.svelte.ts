/** What this device prefers; kept in its browser alone. */
const read = (key: string, otherwise: string): string => {
  try {
    return localStorage.getItem(`abbe.${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
};

const write = (key: string, value: string): void => {
  try {
    localStorage.setItem(`abbe.${key}`, value);
  } catch {
    // a private window forgets
  }
};

export type Theme = "system" | "light" | "dark";

class Preferences {
  #theme = $state<Theme>(read("theme", "system") as Theme);
  #follow = $state(read("follow", "no") === "yes");

  get theme(): Theme {
    return this.#theme;
  }
  set theme(value: Theme) {
    this.#theme = value;
    write("theme", value);
    this.apply();
  }

  /** Move with the other devices that look at this session. */
  get follow(): boolean {
    return this.#follow;
  }
  set follow(value: boolean) {
    this.#follow = value;
    write("follow", value ? "yes" : "no");
  }

  apply(): void {
    const light = this.#theme === "light" || (this.#theme === "system" && matchMedia("(prefers-color-scheme: light)").matches);
    document.documentElement.dataset.theme = light ? "light" : "dark";
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", light ? "#f5f7f9" : "#14171c");
  }

  remember<T>(key: string, otherwise: T): T {
    try {
      return JSON.parse(read(key, "null")) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  keep(key: string, value: unknown): void {
    write(key, JSON.stringify(value));
  }
}

export const preferences = new Preferences();
