/** Numbers as people read them. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = n;
  let unit = "B";
  for (const next of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

export function ago(seconds: number): string {
  const passed = Date.now() / 1000 - seconds;
  if (passed < 60) return "just now";
  if (passed < 3600) return `${Math.round(passed / 60)} min ago`;
  const day = new Date(seconds * 1000);
  if (passed < 86400 && day.getDate() === new Date().getDate()) return `today, ${clock(day)}`;
  return day.toLocaleDateString(undefined, { day: "numeric", month: "short", year: passed > 2e7 ? "numeric" : undefined });
}

export const clock = (day: Date) => day.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

/** Time left, rounded so that it does not flicker. */
export function left(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** A coefficient between -1 and 1. */
export const coefficient = (value: number | null | undefined) =>
  value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(3).replace("-", "−");

export function length(um: number): string {
  if (um >= 1000) return `${+(um / 1000).toPrecision(3)} mm`;
  if (um >= 1) return `${+um.toPrecision(3)} µm`;
  return `${+(um * 1000).toPrecision(3)} nm`;
}

/** 1, 2 or 5 times a power of ten, at most `limit`. */
export function round125(limit: number): number {
  const power = 10 ** Math.floor(Math.log10(limit));
  const lead = limit / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

/** Words of the server, as a sentence of the page: names of files and of abbe begin as they are written. */
export const sentence = (text: string) => (/^(?!abbe )[a-z]+[ ,]/.test(text) ? text[0]!.toUpperCase() + text.slice(1) : text);

export const plural = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
