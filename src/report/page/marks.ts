// The marks of Plot that the page has in it: what is not named here is left out of the bundle.
import {
  axisX,
  axisY,
  barX,
  dot,
  line,
  rectY,
  ruleX,
  ruleY,
  text,
  tickX,
} from "@observablehq/plot";
import type { Plot } from "../chart.ts";

export { plot } from "@observablehq/plot";

export const marks: Plot = { axisX, axisY, barX, dot, line, rectY, ruleX, ruleY, text, tickX };
