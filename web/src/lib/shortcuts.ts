/** The protocol's shortcuts: Cmd on a Mac, Ctrl elsewhere. Where a browser keeps a chord for itself, a second one is offered. */
export type Command =
  | "open" | "merge" | "enhance" | "background" | "colocalize" | "compare" | "inspector" | "export" | "undo" | "redo"
  | "zoom-in" | "zoom-out" | "fit" | "actual" | "help" | "view" | "play" | "blink" | "delete-roi";

export const mac = /Mac|iPhone|iPad/.test(navigator.platform);

interface Chord {
  key: string;
  mod?: boolean;
  shift?: boolean;
  alt?: boolean;
  /** matched by place on the keyboard: Alt changes the letter on a Mac */
  code?: string;
}

export interface Shortcut {
  command: Command;
  label: string;
  group: "Files" | "Work" | "View";
  chords: Chord[];
}

export const SHORTCUTS: Shortcut[] = [
  { command: "open", label: "Open: back to the files", group: "Files", chords: [{ key: "o", mod: true }, { key: "o" }] },
  { command: "merge", label: "Merge images", group: "Files", chords: [{ key: "m", mod: true, shift: true }, { key: "m", shift: true }] },
  { command: "export", label: "Export as", group: "Files", chords: [{ key: "e", mod: true }, { key: "e" }] },
  { command: "enhance", label: "Super resolution", group: "Work", chords: [{ key: "u", code: "KeyU", mod: true, alt: true }, { key: "u", code: "KeyU", alt: true }, { key: "u" }] },
  { command: "background", label: "Background correction", group: "Work", chords: [{ key: "b", mod: true, shift: true }, { key: "b", shift: true }] },
  { command: "colocalize", label: "Colocalization", group: "Work", chords: [{ key: "c", mod: true, shift: true }, { key: "c", shift: true }] },
  { command: "compare", label: "Compare with the original", group: "Work", chords: [{ key: "k" }] },
  { command: "undo", label: "Undo", group: "Work", chords: [{ key: "z", mod: true }] },
  { command: "redo", label: "Redo", group: "Work", chords: [{ key: "z", mod: true, shift: true }, { key: "y", mod: true }] },
  { command: "delete-roi", label: "Delete the selected region", group: "Work", chords: [{ key: "Delete" }, { key: "Backspace" }] },
  { command: "inspector", label: "Inspector: the channels", group: "View", chords: [{ key: "i", mod: true, shift: true }, { key: "i", shift: true }, { key: "i" }] },
  { command: "zoom-in", label: "Zoom in", group: "View", chords: [{ key: "+", mod: true }, { key: "+" }, { key: "=", mod: true }, { key: "=" }] },
  { command: "zoom-out", label: "Zoom out", group: "View", chords: [{ key: "-", mod: true }, { key: "-" }] },
  { command: "fit", label: "Whole image", group: "View", chords: [{ key: "0", mod: true }, { key: "0" }] },
  { command: "actual", label: "One pixel per pixel", group: "View", chords: [{ key: "1" }] },
  { command: "blink", label: "Hold: the original", group: "View", chords: [{ key: " " }] },
  { command: "play", label: "Play or pause a series or stack", group: "View", chords: [{ key: "p" }, { key: " " }] },
  { command: "help", label: "This list", group: "View", chords: [{ key: "?" }] },
];

const NAMES: Record<string, string> = { " ": "Space", Delete: "Del", Backspace: "⌫" };

export function spell(chord: Chord): string[] {
  const keys: string[] = [];
  if (chord.mod) keys.push(mac ? "⌘" : "Ctrl");
  if (chord.alt) keys.push(mac ? "⌥" : "Alt");
  if (chord.shift) keys.push(mac ? "⇧" : "Shift");
  keys.push(NAMES[chord.key] ?? (chord.key.length === 1 ? chord.key.toUpperCase() : chord.key));
  return keys;
}

function matches(event: KeyboardEvent, chord: Chord): boolean {
  const mod = mac ? event.metaKey : event.ctrlKey;
  if (mod !== !!chord.mod || (mac ? event.ctrlKey : event.metaKey) || event.altKey !== !!chord.alt) return false;
  const sign = /^[^a-z0-9]$/i.test(chord.key) && chord.key !== " ";
  if (!sign && event.shiftKey !== !!chord.shift) return false;
  return chord.code ? event.code === chord.code : event.key.toLowerCase() === chord.key.toLowerCase();
}

export function command(event: KeyboardEvent): Command | null {
  const target = event.target as HTMLElement;
  const typing = target.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  for (const shortcut of SHORTCUTS) {
    for (const chord of shortcut.chords) {
      if (!matches(event, chord)) continue;
      if (typing && (!chord.mod || chord.key === "z" || chord.key === "y")) return null;
      if ((chord.key === " " || chord.key === "Backspace") && target.matches("button, a, input, [role=slider], [tabindex]:not(.viewer *)")) return null;
      return shortcut.command;
    }
  }
  return null;
}
