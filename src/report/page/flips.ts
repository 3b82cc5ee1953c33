// Images that were right and are now wrong, with their pictures.
import type { RunDocument, SetDocument } from "../document.ts";
import { fill, h, scrollBox, tableOf } from "./dom.ts";
import { count, counted } from "./numbers.ts";
import { captioned, picture, scaledNote } from "./pictures.ts";
import { pixelsOf } from "./pixels.ts";
import { wordOf } from "./words.ts";

/** Rows of the table of all flips. */
const ROWS = 2000;

/** Pixels of the screen that a picture may take. */
const SIDE = 84;

/** The flips of one data set. */
export function flipsOf(run: RunDocument, name: string, set: SetDocument): HTMLElement {
  const { flipped, pictures } = set;
  const title = `${name}: ${counted(flipped.length, "image")}`;
  if (flipped.length === 0) return h("p", {}, `${name}: none.`);
  const words = ([image, label, answer]: SetDocument["flipped"][number]): string =>
    `image ${image}: ${wordOf(run, label)}, now taken for ${wordOf(run, answer)}`;
  const shown = pictures?.images.length ?? 0;
  const table = h("details", { class: "all-flips" }, h("summary", {}, "All of them as a table"));
  table.addEventListener(
    "toggle",
    () => fill(table, table.firstElementChild!, tableFor(run, name, set)),
    {
      once: true,
    },
  );
  return h(
    "div",
    { class: "flips", "data-set": name },
    h(
      "p",
      {},
      `${title}${shown > 0 && shown < flipped.length ? `, the first ${count(shown)} as pictures` : ""}. `,
      pictures && h("span", { class: "hint" }, scaledNote(pictures)),
    ),
    pictures &&
      h(
        "div",
        { class: "pictures" },
        ...pictures.images.map((at, k) => {
          const [image, label, answer] = flipped[at];
          return captioned(
            picture(
              pixelsOf(pictures.pixels, pictures, k),
              { ...pictures, side: SIDE },
              words(flipped[at]),
            ),
            `${wordOf(run, label)} → ${wordOf(run, answer)}`,
            h("span", { class: "under" }, `image ${image}`),
          );
        }),
      ),
    table,
  );
}

function tableFor(run: RunDocument, name: string, { flipped }: SetDocument): HTMLElement {
  const left = flipped.length - ROWS;
  return scrollBox(
    `Right before, wrong now, ${name}`,
    tableOf(
      ["image", "label", "now taken for"],
      flipped
        .slice(0, ROWS)
        .map(([image, label, answer]) => [image, wordOf(run, label), wordOf(run, answer)]),
      {
        caption: `Right before, wrong now, ${name}${left > 0 ? `; ${count(left)} more are left out` : ""}`,
        numbers: [0],
      },
    ),
  );
}
