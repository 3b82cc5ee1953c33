// temper inspect: what a model is made of, what Temper would change, and which operators have a gradient.

import type { Command } from "commander";
import { discrete, isStep } from "../../autodiff/rule.ts";
import { rules } from "../../autodiff/rules.ts";
import { networkOf } from "../../engine/model.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { openModelFile } from "../open.ts";
import { modelFlags, trainableFlags, workFlags } from "../shared-flags.ts";
import { table } from "../table.ts";
import { verdictOf } from "../verdict.ts";

interface Flags extends NetworkOptions {
  readonly json?: boolean;
}

function gradientOf(op: string, nodes: readonly Node[]): string {
  if (discrete.has(op)) return "not needed";
  if (nodes.every(isStep)) return "0";
  const rule = rules.get(op);
  if (rule === undefined) return "no";
  return rule.straightThrough ? "stand-in" : "yes";
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  const model = await openModelFile(path, flags);
  const network = networkOf(model);
  const { graph } = network;
  const uses = new Map<string, Node[]>();
  for (const node of graph.nodes) uses.set(node.op, [...(uses.get(node.op) ?? []), node]);
  const operators = [...uses]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, nodes]) => ({ name, nodes: nodes.length, gradient: gradientOf(name, nodes) }));
  const { inputShape, labels, parameterCount, parameters } = model;
  const verdict = await verdictOf(network);
  await model.close();
  if (flags.json === true) {
    context.printJson({ path, inputShape, labels, parameterCount, parameters, operators, verdict });
    return;
  }
  context.print(
    `${path}: [${inputShape.join(", ")}] -> ${labels} labels, ${parameterCount} parameters`,
  );
  context.print("");
  context.print(
    table(
      ["parameter", "shape", "kind", "offset", "size"],
      parameters.map((p) => [p.name, p.shape.join(" x "), p.kind, `${p.offset}`, `${p.size}`]),
    ),
  );
  context.print("");
  context.print(
    table(
      ["operator", "nodes", "gradient"],
      operators.map(({ name, nodes, gradient }) => [name, `${nodes}`, gradient]),
    ),
  );
  context.print("");
  for (const note of verdict.notes) context.print(`note: ${note}`);
  const { evaluate, attack, correct } = verdict;
  for (const [what, answer] of Object.entries({ evaluate, attack, correct })) {
    context.print(`${what}: ${answer}`);
  }
}

export function addInspect(program: Command, context: Context): void {
  const command = program
    .command("inspect")
    .summary("layers, parameters, operators")
    .description(
      "Lists the tensors that make up theta, in order, and the operators of the graph. " +
        'An operator without a gradient ("no") on the way from the weights to the logits keeps the model from ' +
        "being attacked or corrected; operators on shapes need none. One with steps (0) is refused behind weights; " +
        "between the image and them it leaves an attack no gradient. Through others with steps (stand-in) the " +
        "gradient passes as if there were none.",
    )
    .argument("<model>", "ONNX file");
  const { json, config } = workFlags;
  addFlags(command, { ...modelFlags, ...trainableFlags, json, config }).action(
    (path: string, flags: Flags) => run(path, flags, context),
  );
}
