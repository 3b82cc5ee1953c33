// Random small graphs for round trips and hostile cuts: every element type, attribute kind and kind of dimension.
import fc from "fast-check";
import type { Attribute, ElementType, Graph, Node, Tensor } from "../../src/onnx/graph.ts";
import { tensor } from "./graph-builder.ts";

const elementTypes: readonly ElementType[] = [
  "float16",
  "float32",
  "float64",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
];

const name = fc.string({ minLength: 1, maxLength: 5, unit: "grapheme" });
const float32 = fc.float({ noDefaultInfinity: false });

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.constantFrom(...elementTypes),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
  )
  .chain(([type, dims]) => {
    const length = dims.reduce((a, c) => a * c, 1);
    const whole = fc.integer(type === "bool" ? { min: 0, max: 1 } : { min: 0, max: 127 });
    const value = type.startsWith("float") ? float32 : whole;
    return fc
      .array(value, { minLength: length, maxLength: length })
      .map((values) => tensor(dims, values, type));
  });

const anyAttribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ kind: fc.constant("int" as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant("float" as const), value: float32 }),
  fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
  fc.record({ kind: fc.constant("ints" as const), value: fc.array(fc.maxSafeInteger()) }),
  fc.record({ kind: fc.constant("floats" as const), value: fc.array(float32) }),
  fc.record({ kind: fc.constant("strings" as const), value: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant("tensor" as const), value: anyTensor }),
);

const anyDims = fc.array(fc.oneof(fc.nat(), name, fc.constant(null)), { maxLength: 4 });

/** A graph whose structure holds: each value defined once, before it is read. */
export function randomGraph(): fc.Arbitrary<Graph> {
  return fc
    .record({
      names: fc.uniqueArray(name, { minLength: 4, maxLength: 12 }),
      type: fc.constantFrom(...elementTypes),
      dims: anyDims,
      initializers: fc.array(anyTensor, { maxLength: 3 }),
      attributes: fc.array(fc.dictionary(name, anyAttribute, { maxKeys: 3 }), {
        minLength: 1,
        maxLength: 4,
      }),
      reads: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
      opset: fc.integer({ min: 7, max: 26 }),
      graphName: name,
    })
    .map(({ names, type, dims, initializers, attributes, reads, opset, graphName }) => {
      const free = [...names];
      const input = free.pop()!;
      const constants = initializers
        .slice(0, free.length - 2)
        .map((value) => [free.pop()!, value] as const);
      const defined = ["", input, ...constants.map(([constant]) => constant)];
      const nodes = attributes.slice(0, free.length).map((entries, i): Node => {
        const chosen = reads.slice(3 * i, 3 * i + 1 + (i % 3));
        const inputs = chosen.map((at) => defined[at % defined.length]);
        const output = free.pop()!;
        defined.push(output);
        return {
          op: `Op${i}`,
          name: i === 0 ? "" : `node ${i}`,
          inputs,
          outputs: i % 2 === 0 ? [output] : [output, ""],
          attributes: new Map(Object.entries(entries)),
        };
      });
      return {
        name: graphName,
        opset,
        inputs: [{ name: input, type, dims }],
        outputs: [{ name: nodes.at(-1)!.outputs[0], type, dims }],
        initializers: new Map(constants),
        nodes,
      };
    });
}
