// Gradient of Resize, which is linear along each axis: the resizing of the identity is its matrix.
import { int, intOf, textOf } from "../../onnx/attributes.ts";
import type { Attribute } from "../../onnx/graph.ts";
import { fromFront } from "../builder.ts";
import { type Call, refuse } from "../rule.ts";
import { identity, throughAxes } from "./axes.ts";
import { unary } from "./entrywise.ts";

/** Attributes that choose one of several forms, with the forms that have a rule. The first is the default. */
const forms: ReadonlyMap<string, readonly string[]> = new Map([
  ["mode", ["nearest", "linear", "cubic"]],
  [
    "coordinate_transformation_mode",
    ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"],
  ],
  ["keep_aspect_ratio_policy", ["stretch"]],
]);

function checkForms({ node }: Call): void {
  for (const [name, known] of forms) {
    const value = textOf(node, name, known[0]);
    if (!known.includes(value)) {
      refuse(node, `${name} "${value}" has no gradient rule`, `export it with "${known[0]}"`);
    }
  }
  if (intOf(node, "antialias", 0) !== 0) {
    refuse(node, "antialias 1 has no gradient rule", "export it with antialias 0");
  }
}

/** Keeps the attributes that say how one axis is resized, and leaves out those that speak of several. */
const along = ({ node }: Call): Record<string, Attribute> =>
  Object.fromEntries(
    [...node.attributes].filter(([name]) => name !== "axes" && !name.startsWith("keep_")),
  );

export const Resize = unary(
  (call) => {
    checkForms(call);
    const { b, node, g, x, y } = call;
    const [shape, resized] = [b.shapeOf(x[0]), b.shapeOf(y)];
    // Before opset 13 the input could not be left out, and exporters gave none of them.
    const scales = x[2] && b.shapeOf(x[2])[0] !== 0 ? x[2] : "";
    const values = b.valuesOf(scales);
    const stated = node.attributes.get("axes");
    const axes = stated?.kind === "ints" ? stated.value : shape.map((_, axis) => axis);
    if (String(shape) === String(resized)) return g;
    const matrices = axes.flatMap((given, i) => {
      const axis = fromFront(given, shape.length);
      const size = shape[axis];
      if (resized[axis] === size) {
        if ((values?.[i] ?? 1) === 1) return [];
        // onnxruntime would take the resizing of the identity for a copy of it.
        refuse(node, `scale ${values?.[i]} leaves ${size} pixels as many`, "resize by sizes");
      }
      if (size < 0) refuse(node, "resizing the batch mixes images", "resize other axes");
      const scale = (): string =>
        b.op("Concat", [b.floats([1], [1]), b.op("Gather", [scales, b.ints([i])])], {
          axis: int(0),
        });
      const how = scales === "" ? ["", b.ints([size, resized[axis]])] : [scale()];
      return { axis, matrix: b.op("Resize", [identity(b, size), "", ...how], along(call)) };
    });
    return throughAxes(b, g, [resized, shape], matrices);
  },
  {
    attributes: [
      ...[
        "antialias",
        "axes",
        "coordinate_transformation_mode",
        "cubic_coeff_a",
        "exclude_outside",
      ],
      ...["extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode"],
    ],
    notes:
      "nearest, linear, cubic; by scales or sizes, which may be computed; not `tf_crop_and_resize`, `antialias` 1, " +
      "nor policies but `stretch`; not the batch",
  },
);
