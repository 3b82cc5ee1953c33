// The published data sets: which files they have, where they can be had, and their checksums.

/** Bytes that are known in advance. */
export interface KnownFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** One transfer: `NAME.gz` of one file, or a `.tar.gz` of several. */
export interface Download extends KnownFile {
  /** What it brings, unpacked: `openData` reads each of them plain or gzipped. */
  readonly files: readonly KnownFile[];
  /** In a `.tar.gz`: the folder its files are in. */
  readonly tarFolder?: string;
}

export interface PublishedSet {
  /** Also the name of its folder in the data folder. */
  readonly name: "mnist" | "cifar10";
  /** Base addresses, ending in a slash; each has every download. */
  readonly mirrors: readonly string[];
  readonly downloads: readonly Download[];
}

/** `[name of the file, bytes and SHA-256 of its .gz, bytes and SHA-256 unpacked]` */
const mnist: readonly (readonly [string, number, string, number, string])[] = [
  [
    "train-images-idx3-ubyte",
    9_912_422,
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    47_040_016,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  ],
  [
    "train-labels-idx1-ubyte",
    28_881,
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    60_008,
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  ],
  [
    "t10k-images-idx3-ubyte",
    1_648_877,
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    7_840_016,
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  ],
  [
    "t10k-labels-idx1-ubyte",
    4_542,
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    10_008,
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  ],
];

const cifar10: readonly (readonly [string, string])[] = [
  ["data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"],
  ["data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"],
  ["data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"],
  ["data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"],
  ["data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"],
  ["test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"],
];

/** MNIST (LeCun, Cortes, Burges) and the binary version of CIFAR-10 (Krizhevsky). */
export const publishedSets: readonly PublishedSet[] = [
  {
    name: "mnist",
    // The authors' own page no longer serves the files to programs.
    mirrors: [
      "https://storage.googleapis.com/cvdf-datasets/mnist/",
      "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ],
    downloads: mnist.map(([name, packedBytes, packedSha256, bytes, sha256]) => ({
      name: `${name}.gz`,
      bytes: packedBytes,
      sha256: packedSha256,
      files: [{ name, bytes, sha256 }],
    })),
  },
  {
    name: "cifar10",
    mirrors: ["https://www.cs.toronto.edu/~kriz/"],
    downloads: [
      {
        name: "cifar-10-binary.tar.gz",
        bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        tarFolder: "cifar-10-batches-bin",
        files: cifar10.map(([name, sha256]) => ({ name, bytes: 30_730_000, sha256 })),
      },
    ],
  },
];

/** The base addresses to try in turn; TEMPER_MIRROR, which holds `mnist/` and `cifar10/`, replaces them. */
export function mirrorsOf({ name, mirrors }: PublishedSet): readonly string[] {
  const { TEMPER_MIRROR } = process.env;
  return TEMPER_MIRROR ? [`${TEMPER_MIRROR.replace(/\/+$/, "")}/${name}/`] : mirrors;
}
