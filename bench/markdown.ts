// Tables and paragraphs of Markdown as the pages of docs/ have them.

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** A table of Markdown. */
export const markdownTable = (
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string => [line(headings), line(headings.map(() => "---")), ...rows.map(line)].join("\n");

const WIDEST = 116;

/** Text in lines that a page may have. */
export function paragraph(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= WIDEST) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}
