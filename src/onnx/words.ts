// Leaves out of a graph what it answers in words: names of labels, and maps from names to numbers.
import { create } from "@bufbuild/protobuf";
import { type GraphProto, type ValueInfoProto, ValueInfoProtoSchema } from "onnx-buf";

/** ONNX's code of strings. */
const STRINGS = 8;

type Parts = Pick<GraphProto, "node" | "initializer" | "output">;

/** Tells whether a value may be a tensor of numbers; onnxruntime infers what is not stated. */
const isNumbers = ({ type }: ValueInfoProto): boolean =>
  type?.value === undefined ||
  (type.value.case === "tensorType" && type.value.value.elemType !== STRINGS);

/**
 * The parts of a graph that make its numbers, where it answers in words as well. The numbers that a ZipMap gives names
 * to are an output in its place, which the file does not declare.
 */
export function withoutWords({ node, initializer, output }: GraphProto): Parts {
  const makers = new Map(node.flatMap((one) => one.output.map((name) => [name, one] as const)));
  const numbers = output.flatMap((value) => {
    if (isNumbers(value)) return value;
    const maker = makers.get(value.name);
    return maker?.opType === "ZipMap" ? create(ValueInfoProtoSchema, { name: maker.input[0] }) : [];
  });
  if (numbers.length === 0 || output.every(isNumbers)) return { node, initializer, output };
  const needed = new Set(numbers.map(({ name }) => name));
  // What is added on the way is gone through as well.
  for (const name of needed) for (const input of makers.get(name)?.input ?? []) needed.add(input);
  return {
    output: numbers,
    node: node.filter((one) => one.output.some((name) => needed.has(name))),
    initializer: initializer.filter(
      ({ name, dataType }) => dataType !== STRINGS || needed.has(name),
    ),
  };
}
