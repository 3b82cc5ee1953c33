// Charts as SVG and PNG: Observable Plot draws into a DOM without a browser, resvg makes pixels of it.
import { fileURLToPath } from "node:url";
import type { PlotOptions } from "@observablehq/plot";

/** The library's marks, given to whoever describes a chart; the page has no others in it. */
export type Plot = Pick<
  typeof import("@observablehq/plot"),
  "axisX" | "axisY" | "barX" | "dot" | "line" | "rectY" | "ruleX" | "ruleY" | "text" | "tickX"
>;

/** The only font of the PNGs, so that they hold their labels, and the same bytes, on every machine. */
const FONT = fileURLToPath(new URL("../../fonts/DejaVuSans.ttf", import.meta.url));
const FAMILY = "DejaVu Sans";

/** Pixels of the PNG for each unit of the SVG. */
const ZOOM = 2;

/** Draws a chart; the answer is an SVG document of its own. Plot is loaded when a chart is first drawn. */
export async function chartSvg(describe: (plot: Plot) => PlotOptions): Promise<string> {
  const [plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const { outerHTML } = plot.plot({ ...describe(plot), document });
  return `${outerHTML.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`;
}

/** The pixels of an SVG on white, as a PNG file. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const font = {
    loadSystemFonts: false,
    fontFiles: [FONT],
    defaultFontFamily: FAMILY,
    sansSerifFamily: FAMILY,
  };
  const options = { font, background: "white", fitTo: { mode: "zoom", value: ZOOM } } as const;
  return new Resvg(svg, options).render().asPng();
}
