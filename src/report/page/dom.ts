// Elements in one call: what a user's file says goes in as text and never as markup.

type Value = string | number | boolean | undefined | ((event: Event) => void);

/** Children: text, elements, or nothing. */
export type Child = Node | string | number | undefined | false;

/** An HTML element; attributes by their names, listeners as `onclick`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  fill(element, ...children);
  return element;
}

/** Replaces what is in an element. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(
    ...children
      .filter((child) => child !== undefined && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
}

/** A table with its headings; `align` marks columns of numbers. */
export function tableOf(
  headings: readonly string[],
  rows: readonly (readonly Child[])[],
  { caption, numbers = [] }: { readonly caption: string; readonly numbers?: readonly number[] },
): HTMLTableElement {
  const kind = (column: number) => (numbers.includes(column) ? { class: "number" } : {});
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...headings.map((text, i) =>
          text === "" ? h("td") : h("th", { scope: "col", ...kind(i) }, text),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...rows.map((row) => h("tr", {}, ...row.map((cell, i) => h("td", kind(i), cell)))),
    ),
  );
}

/** A box that a long table scrolls in, by keys too. */
export const scrollBox = (label: string, table: Node): HTMLElement =>
  h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, table);

/** A chart with its numbers as a table under it, for who cannot see it or wants the numbers. */
export const chartWithTable = (chart: Node, table: Node): HTMLElement =>
  h(
    "div",
    { class: "chart" },
    chart,
    h(
      "details",
      {},
      h("summary", {}, "These numbers as a table"),
      scrollBox("Numbers of the chart", table),
    ),
  );

/** A width for a chart, which is drawn once: at most this, and no wider than a phone. */
export const chartWidth = (most: number): number =>
  Math.min(most, Math.max(300, document.documentElement.clientWidth - 40));

/** A section of the page under a heading. */
export const section = (id: string, title: string, ...children: readonly Child[]): HTMLElement =>
  h(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title),
    ...children,
  );

/** A command, with its button; no line ends within a word of it, as it would after the first hyphen of an option. */
export function commandBox(): { readonly element: HTMLElement; show(command: string): void } {
  const code = h("code", {});
  let text = "";
  return {
    element: h(
      "div",
      { class: "command" },
      code,
      copyButton(() => text),
    ),
    show: (command) => {
      text = command;
      fill(code, ...command.split(" ").flatMap((word, i) => [i > 0 && " ", h("span", {}, word)]));
    },
  };
}

/** Copies a text; the button says that it did. */
function copyButton(text: () => string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    await copy(text());
    fill(button, "Copied");
    setTimeout(() => fill(button, "Copy"), 1500);
  });
  return button;
}

/** A page from disk may not be let at the clipboard; a selection always can be copied. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { readonly: true, class: "away" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
