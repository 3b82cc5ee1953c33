// The closed list of the numbers of all random streams: what each one draws, and what follows it in its path.
//
// `randomStream(seed, ...path)` makes one stream of a seed and a path of numbers. Two paths that differ draw
// independently; two purposes with one path would draw the same numbers. A new purpose therefore takes a number
// that is not in this list, and a number that is in it never changes: points, splits and runs of a seed hang on it.
//
// One kind of path has no number of its own. The attack on an image draws from [image, restart, attack, target]:
// the image's index in the data, the restart from 0, the number of the attack in attack/attacks.ts (PGD has none),
// and the label it is led towards, where it is targeted. Such a path may equal one of this list, where an image has
// the index 101, say. That does no harm: it only says that a random start and an order of images are not
// independent, and nothing compares the two.

/** Numbers of streams by who draws from them. */
export const STREAMS = {
  /** Of the seed of an attack, of a sample, or of an evaluation. */
  attack: {
    /** The order in which `attack` looks for random points. Path: none. */
    choice: 1,
    /** The images of a sample. Path: none. */
    sample: 2,
    /** The images that an evaluation asks before it attacks; the seed is always 0. Path: none. */
    probe: 3,
    /** The standing images that are attacked again with twice the steps. Path: none. */
    longer: 4,
  },
  /** Of the seed of a run of the recipe robust; `reattack` of a run of the cutting-set form. */
  robust: {
    /** Which images judge and which are attacked. Path: none; 1 for sources that are a set of their own. */
    split: 101,
    /** The order of the sources. Path: the round, from 0. */
    sources: 102,
    /** The order of D, of which the loss's samples are taken. Path: the round, from 0. */
    sample: 103,
    /** The seed of the attack on an iteration's sources. Path: the iteration. */
    attack: 104,
    /** The seed of the attack on the images that judge. Path: 0. */
    judge: 105,
    /** The seed of the attack on all sources. Path: how often they were asked before. */
    reattack: 106,
  },
  /** Algorithm 2: the coordinates that are free in a block. Path: the iteration k, the block t. */
  blocks: 201,
  /** Of the seed of a run whose loss is sampled: the images of a sample of D. */
  sample: {
    /** Path: the anchor, from 0. */
    gradient: 401,
    /** Path: the size of the sample, which is the same for all candidates. */
    screen: 402,
  },
  /** Verification of a property: random inputs of its boxes. Path: the box, the case of what is unsafe there. */
  property: 501,
  /** Adversarial training. */
  adversarial: {
    /** The order of the images. Path: the epoch, from 1. */
    order: 301,
    /** The seed of the attack in a step. Path: the step, from 1. */
    attack: 302,
    /** Which images judge and are not trained on. Path: none. */
    judge: 303,
  },
  /** The crop and flip of an image of a data set: "crop" in ASCII. Path: the image's index in the unsliced data. */
  augment: 0x63726f70,
  /** Training from nothing, whose seed is its own. */
  training: {
    /** The first weights, layer after layer. Path: none. */
    weights: 0,
    /** The order of the images. Path: the epoch, from 1. */
    order: 1,
    /** The crop and flip of an image in an epoch. Path: the epoch, the image's index. */
    crops: 2,
  },
} as const;

/**
 * The built-in digits have no seed of the user's: these numbers stand in its place, one a split. The labels' order
 * has the empty path, the drawing of an image has its index.
 */
export const DIGIT_SEEDS = { train: 0, test: 1 } as const;
