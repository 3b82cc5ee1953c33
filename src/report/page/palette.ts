// The colours of the style sheet, for what is drawn on canvases.
//
// They are asked for once: asking for a style makes the browser lay out all that has changed, at every step of the
// slider. They are others when the reader goes over to the dark, and on paper, which is white whatever the screen is.
import type { Colors } from "../trade-off.ts";

/** The colours of charts, which follow the style sheet by themselves. */
export const colors: Colors = {
  candidate: "var(--candidate)",
  front: "var(--front)",
  theta0: "var(--theta0)",
  bound: "var(--bound)",
  choice: "var(--ink)",
  runs: [1, 2, 3, 4, 5, 6].map((i) => `var(--run${i})`),
};

const known = new Map<string, string>();
const drawings: (() => void)[] = [];

/** A colour by the name of its variable. */
export function colorOf(name: string): string {
  const there = known.get(name);
  if (there !== undefined) return there;
  const color = getComputedStyle(document.documentElement).getPropertyValue(name);
  known.set(name, color);
  return color;
}

/** Calls whenever the colours are others. */
export function whenColorsChange(draw: () => void): void {
  drawings.push(draw);
}

function change(): void {
  known.clear();
  for (const draw of drawings) draw();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", change);
for (const [event, isPaper] of [
  ["beforeprint", true],
  ["afterprint", false],
] as const) {
  addEventListener(event, () => {
    document.documentElement.classList.toggle("paper", isPaper);
    change();
  });
}
