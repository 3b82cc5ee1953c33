// What weakens a number of a run, or is otherwise to be known: the same words on the page and in its summary.
import type { PageRecord } from "./document.ts";

/** Points that are named. */
const NAMED = 8;

/** The notes of a run; `count` writes a number as its reader does. */
export function notesOf(
  { notes = [], wrong = [], contradictions = [], iterations, asked }: PageRecord,
  count: (n: number) => string = String,
): string[] {
  const named = `${wrong.slice(0, NAMED).join(", ")}${wrong.length > NAMED ? ", …" : ""}`;
  return [
    ...notes,
    ...(wrong.length === 0 ? [] : [`still wrong: ${count(wrong.length)} of the points (${named})`]),
    ...(contradictions.length === 0
      ? []
      : [
          `in ${count(contradictions.length)} of ${count(iterations.length)} iterations cuts excluded each other: ` +
            "points contradict each other or the loss",
        ]),
    ...(asked && asked.right < asked.points - wrong.length
      ? [
          `asked by itself, image by image, the saved file gets ${count(asked.right)} of ` +
            `${count(asked.points)} points right`,
        ]
      : []),
  ];
}
