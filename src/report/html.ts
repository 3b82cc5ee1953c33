// The page as one file: style, program and document in it, and a policy under which nothing else is loaded or run.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { TemperError } from "../errors.ts";
import type { ReportDocument } from "./document.ts";

/** What a page says of itself: by it a page of ours is told from another file. */
export const GENERATOR = '<meta name="generator" content="Temper">';

/** What `npm run build` made of report/page; it is found from src/ as from dist/. */
const asset = (name: string): URL => new URL(`../../dist/report/page/${name}`, import.meta.url);

/**
 * The page of a document.
 *
 * A name or path of a user stands in it as JSON alone, in a block that is not a program, with every `<` written as an
 * escape: no text can end that block.
 *
 * @throws TemperError `file-missing` where the package was not built
 */
export const reportHtml = async (document: ReportDocument): Promise<string> =>
  (await reportPage(document)).html;

/** The page with its policy, which a server says once more beside it. */
export async function reportPage(
  document: ReportDocument,
): Promise<{ readonly html: string; readonly policy: string }> {
  const [script, style] = await Promise.all(["main.js", "main.css"].map(readAsset));
  const connects = document.live === undefined ? "'none'" : "'self'";
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`,
    "style-src 'unsafe-inline'", // the charts are drawn with styles of their own
    `connect-src ${connects}`,
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const json = JSON.stringify(document).replaceAll("<", "\\u003c");
  const names = document.runs.map(({ name }) => name).join(", ");
  const title = names === "" ? "Temper" : escaped(`${names} · Temper`);
  const html = [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    '<link rel="icon" href="data:,">', // else a browser asks the server for one
    GENERATOR,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    "<noscript>This page draws itself with a program that is in it; allow scripts to see it.</noscript>",
    `<script type="application/json" id="document">${json}</script>`,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
  return { html, policy };
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

async function readAsset(name: string): Promise<string> {
  const url = asset(name);
  return readFile(url, "utf8").catch((cause) => {
    throw new TemperError(
      "file-missing",
      `the program of the page is not there: ${cause.message}\nin a clone, npm run build makes it`,
      { cause },
    );
  });
}
