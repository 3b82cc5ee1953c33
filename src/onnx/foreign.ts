// Knows files that are given in the place of a model by how they begin, and what to do about each.

interface Kind {
  readonly what: string;
  readonly advice: string;
  is(bytes: Uint8Array, start: string): boolean;
}

const EXPORT = "export the network with torch.onnx.export, and give that file";

/** How many bytes are looked at. They become a text of one character a byte. */
const START = 4096;

const begins =
  (...heads: readonly string[]) =>
  (_: Uint8Array, start: string): boolean =>
    heads.some((head) => start.startsWith(head));

const zip = begins("PK\x03\x04");
const contains =
  (...words: readonly string[]) =>
  (bytes: Uint8Array, start: string): boolean =>
    zip(bytes, start) && words.some((word) => start.includes(word));

const kinds: readonly Kind[] = [
  {
    what: "an empty file",
    advice: "download or export it again",
    is: (bytes) => bytes.length === 0,
  },
  {
    what: "a Git LFS pointer, which only names the model",
    advice: 'fetch the model itself with "git lfs pull", or download it from the site\'s page',
    is: begins("version https://git-lfs"),
  },
  {
    what: "a PyTorch file of weights (a zip with pickled objects), without the network's graph",
    advice: EXPORT,
    is: contains("data.pkl", "/data/", "archive/"),
  },
  {
    what: "a Keras file",
    advice: "convert it with tf2onnx, and give the .onnx file",
    is: (bytes, start) => contains("config.json")(bytes, start) || begins("\x89HDF")(bytes, start),
  },
  { what: "a zip archive", advice: "unpack it, and give the .onnx file in it", is: zip },
  {
    what: "a gzip file",
    advice: "unpack it (gunzip FILE), and give what is in it",
    is: begins("\x1f\x8b"),
  },
  {
    what: "a pickled Python object, as older versions of PyTorch save weights",
    advice: EXPORT,
    is: begins("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"),
  },
  {
    what: "a file of weights (safetensors), without the network's graph",
    advice: EXPORT,
    is: (_, start) => start.startsWith('{"', 8),
  },
  {
    what: "a TensorFlow Lite model",
    advice: "convert it with tf2onnx, and give the .onnx file",
    is: (_, start) => start.startsWith("TFL3", 4),
  },
  {
    what: "a model in onnxruntime's own format (.ort)",
    advice: "give the .onnx file that it was made of",
    is: (_, start) => start.startsWith("ORTM", 4),
  },
  {
    what: "a web page (HTML)",
    advice: "download the file itself; on GitHub, with the button for the raw file",
    is: (_, start) => /^\s*<(!doctype\s+html|html|head|\?xml)/i.test(start),
  },
  {
    what: "a text",
    advice: "give the path of a file written by an ONNX exporter",
    is: (bytes) => isText(bytes.subarray(0, START)),
  },
];

function isText(bytes: Uint8Array): boolean {
  try {
    // A character may be cut at the end.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return text.length > 3 && [...text].every((c) => c >= " " || "\t\n\r".includes(c));
  } catch {
    return false;
  }
}

/** Says what bytes are that are no ONNX model, and what to do about it; undefined where they are like nothing known. */
export function foreignKind(
  bytes: Uint8Array,
): { readonly what: string; readonly advice: string } | undefined {
  const start = Array.from(bytes.subarray(0, START), (b) => String.fromCharCode(b)).join("");
  return kinds.find(({ is }) => is(bytes, start));
}
