// theta back to where it was trained: its tensors by the names and in the shapes of PyTorch's state_dict.
import { nearest, refuseUnknown, TemperError } from "../errors.ts";
import { intOf } from "../onnx/attributes.ts";
import { type Graph, makersOf, type Tensor } from "../onnx/graph.ts";
import { constantValue } from "../onnx/lift.ts";
import { readGraph } from "../onnx/read.ts";
import { writeSafetensors } from "../onnx/safetensors.ts";
import { type Model, networkOf } from "./model.ts";
import { patchedModel } from "./network.ts";

/** One tensor of a {@link StateDict}. */
export interface StateTensor {
  /** Its name in the file. */
  readonly name: string;
  /** The tensor of the model that it is, by ONNX's name. */
  readonly from: string;
  /** Its sizes as they are written. */
  readonly shape: readonly number[];
  /** Whether it was turned from the [in, out] of a MatMul to the [out, in] of a Linear. */
  readonly turned: boolean;
}

/** The weights of a model for the framework that trained it. */
export interface StateDict {
  /** A file in the safetensors format. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it holds, in the order of theta. */
  readonly tensors: readonly StateTensor[];
  /** What is to be known before it is loaded. */
  readonly notes: readonly string[];
}

/** How {@link stateDict} names tensors. */
export interface StateDictOptions {
  /** From names in the model to those of the state_dict, where they differ. Default: none does. */
  readonly names?: Readonly<Record<string, string>> | undefined;
}

/**
 * Writes all tensors of theta, moved or not, as a safetensors file that PyTorch loads by
 * `net.load_state_dict(safetensors.torch.load_file(path), strict=False)`, where the export kept PyTorch's names.
 *
 * A matrix whose name the exporter made, in the place of a MatMul's [in, out], is a Linear's weight that was turned
 * on export, and is turned back. What the exporter stored once for several parameters is written for each. The
 * numbers are of the type that the model stores.
 *
 * @throws TemperError `bad-option` where `names` names no tensor of theta, or two tensors come to have one name
 */
export function stateDict(model: Model, options: StateDictOptions = {}): StateDict {
  refuseUnknown(options, { names: true }, "stateDict");
  const network = networkOf(model);
  const { file, externalData } = patchedModel(network, model.theta());
  const graph = readGraph(file, externalData);
  const theta = network.parameters.map(({ name }) => name);
  const given = new Map(Object.entries(options.names ?? {}));
  checkKnown(given, theta);

  const tensors = new Map<string, Tensor>();
  const written: StateTensor[] = [];
  const makers = makersOf(graph);
  for (const from of theta) {
    const node = makers.get(from);
    const stored = node === undefined ? graph.initializers.get(from)! : constantValue(node);
    const turned = isMade(from) && isTurned(from, stored, graph);
    const tensor = turned ? transposed(stored) : stored;
    const names = [given.get(from) ?? from, ...copiesOf(from, graph)];
    for (const name of names) {
      const other = written.find((one) => one.name === name);
      if (other !== undefined) {
        throw new TemperError(
          "bad-option",
          `"${other.from}" and "${from}" would both be named "${name}"\ngive one of them another by names`,
        );
      }
      tensors.set(name, tensor);
      written.push({ name, from, shape: tensor.dims, turned });
    }
  }
  const made = theta.filter(isMade);
  const nameless = made.filter((name) => !given.has(name));
  return {
    bytes: writeSafetensors(tensors),
    tensors: written,
    notes: [...namelessNote(nameless, theta), ...foldedNote(made, graph)],
  };
}

function checkKnown(given: ReadonlyMap<string, unknown>, theta: readonly string[]): void {
  for (const [name, to] of given) {
    if (!theta.includes(name)) {
      const meant = nearest(name, theta);
      throw new TemperError(
        "bad-option",
        `names: "${name}" is none of the tensors that may move\n` +
          (meant === undefined ? `known are ${listed(theta)}` : `did you mean "${meant}"?`),
      );
    }
    if (typeof to === "string" && to !== "") continue;
    throw new TemperError("bad-option", `names: "${name}" is to be ${to}: expected a name`);
  }
}

const listed = (names: readonly string[]): string =>
  names.slice(0, 4).join(", ") + (names.length > 4 ? ` and ${names.length - 4} more` : "");

/**
 * Tells whether an exporter made a name: parameters are named by attributes, joined by dots. PyTorch made `123`, then
 * `onnx::Conv_123`, and makes `val_3` where it traces by dynamo; those of TensorFlow are paths.
 */
const isMade = (name: string): boolean => /^\d+$|^val_\d+$|[:/]/.test(name);

/** Tells whether a tensor is nowhere but in the place of an [in, out] matrix, where a Linear has [out, in]. */
function isTurned(name: string, { dims }: Tensor, { nodes }: Graph): boolean {
  const users = nodes.filter(({ inputs }) => inputs.includes(name));
  const isMatrix = users.every(
    (node) =>
      node.inputs.every((input, i) => input !== name || i === 1) &&
      (node.op === "MatMul" || (node.op === "Gemm" && intOf(node, "transB", 0) === 0)),
  );
  return dims.length === 2 && isMatrix;
}

function transposed({ type, dims: [rows, columns], values }: Tensor): Tensor {
  const turned = values.slice();
  for (let i = 0; i < values.length; i++) {
    turned[(i % columns) * rows + Math.floor(i / columns)] = values[i];
  }
  return { type, dims: [columns, rows], values: turned };
}

/** The parameters that the exporter made copies of another, because they were equal. */
function copiesOf(name: string, graph: Graph): string[] {
  const copies = graph.nodes
    .filter(({ op, inputs }) => op === "Identity" && inputs[0] === name)
    .map(({ outputs }) => outputs[0]);
  return copies.flatMap((copy) => [...(isMade(copy) ? [] : [copy]), ...copiesOf(copy, graph)]);
}

function namelessNote(nameless: readonly string[], theta: readonly string[]): string[] {
  if (nameless.length === 0) return [];
  return [
    `${nameless.length} of ${theta.length} tensors have names that the exporter made, which no state_dict has ` +
      `(${listed(nameless)}): load_state_dict(strict=False) passes over them, and the network is corrected in part; ` +
      "say what PyTorch calls them (--names)",
  ];
}

/** A convolution keeps the names of both its tensors, or has taken in a BatchNormalization and keeps none. */
function foldedNote(made: readonly string[], { nodes }: Graph): string[] {
  const folded = nodes.filter(
    ({ op, inputs }) =>
      (op === "Conv" || op === "ConvTranspose") &&
      inputs.slice(1, 3).every((i) => made.includes(i)),
  );
  if (folded.length === 0) return [];
  return [
    `${folded.length} convolutions have no names of PyTorch's: the exporter put the BatchNorm behind them into their ` +
      "weights, most likely; they fit a network whose BatchNorm is fused (torch.nn.utils.fusion.fuse_conv_bn_eval), " +
      "or export the model with training=TrainingMode.PRESERVE",
  ];
}
