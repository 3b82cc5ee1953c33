// A page of docs/ has generated parts: what stands between two markers is replaced, and the rest stays as written.
import { TemperError } from "../src/index.ts";

/**
 * The page with `content` between `<!-- NAME -->` and `<!-- /NAME -->`.
 *
 * @throws TemperError `bad-option` where the page does not have these two lines, in this order
 */
export function replaceBetween(page: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(open), page.indexOf(close)];
  if (from < 0 || to < from) {
    throw new TemperError(
      "bad-option",
      `the page has no place for ${name}: put the lines ${open} and ${close} into it`,
    );
  }
  return `${page.slice(0, from + open.length)}\n\n${content}\n\n${page.slice(to)}`;
}
