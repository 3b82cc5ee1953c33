// temper diff: which tensors two models differ in, and whether anything else does.
import type { Command } from "commander";
import { readModelFiles } from "../../engine/model-file.ts";
import { compareModels } from "../../onnx/compare.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { workFlags } from "../shared-flags.ts";
import { percent, table } from "../table.ts";

async function run(a: string, b: string, json: boolean, context: Context): Promise<void> {
  const { moved, nothingElse, others } = compareModels(
    await readModelFiles(a),
    await readModelFiles(b),
  );
  if (json) {
    context.printJson({ moved, nothingElse, others });
    return;
  }
  if (moved.length > 0) {
    const rows = moved.map((t) => [
      t.name,
      t.dims.join(" x "),
      t.change.toPrecision(4),
      t.norm === 0 ? "was 0" : percent(t.change / t.norm),
      t.largest.toPrecision(3),
      percent(t.share),
    ]);
    const headings = ["tensor", "shape", "change", "of its norm", "largest", "entries moved"];
    context.print(table(headings, rows));
  }
  for (const other of others) context.print(other);
  if (nothingElse) context.print(moved.length === 0 ? "the same" : "nothing else differs");
  else if (others.length === 0)
    context.print("the graphs are the same; other bytes of the files differ, as names or layout");
}

export function addDiff(program: Command, context: Context): void {
  const command = program
    .command("diff")
    .summary("which tensors two models differ in")
    .description(
      "Compares two ONNX models tensor by tensor: the norm of each change, its share of the tensor's norm, the " +
        "largest change of an entry, the share of entries that moved; and says whether anything else differs.",
    )
    .argument("<a>", "ONNX file")
    .argument("<b>", "ONNX file");
  const { json, config } = workFlags;
  addFlags(command, { json, config })
    .addHelpText("after", "\nExample:\n  temper diff model.onnx RUN/corrected.onnx")
    .action((a: string, b: string, flags: { readonly json?: boolean }) =>
      run(a, b, flags.json === true, context),
    );
}
