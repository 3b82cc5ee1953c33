// The devices that networks run on, and what is said where one is not to be had. session.ts hands them to onnxruntime.
import { arch, platform } from "node:process";
import { demand, TemperError } from "../errors.ts";

/** What `--device` takes: onnxruntime's execution providers, by its own words. */
export const devices = ["cpu", "cuda", "webgpu", "dml", "coreml"] as const;
/** A device that networks run on; `cpu` is the default. */
export type Device = (typeof devices)[number];

/** @throws TemperError `bad-option` for any other word */
export function checkDevice(device: Device | undefined): void {
  demand(device === undefined || devices.includes(device), "device", device, devices.join(" or "));
}

/**
 * How many worker processes a device is given where nobody says: one, which has the whole of it; undefined for the
 * processor, which has a process for each of its cores.
 */
export const processesOn = (device: Device | undefined): number | undefined =>
  device === undefined || device === "cpu" ? undefined : 1;

/** Where onnxruntime-node, as it is published, brings each device. */
const published: Readonly<Record<Exclude<Device, "cpu">, string>> = {
  cuda: "Linux x64",
  webgpu: "Windows, macOS and Linux x64",
  dml: "Windows",
  coreml: "macOS",
};

/** What was seen of a device that does not answer. */
export interface MissingDevice {
  readonly device: Exclude<Device, "cpu">;
  /** What this build of onnxruntime-node lists. */
  readonly listed: readonly string[];
  /** The script that gets what is not in the package; undefined where that is there already. */
  readonly script: string | undefined;
  /** What onnxruntime threw. */
  readonly cause: unknown;
}

/** Says in one line what is missing for a device, and what to install. */
export function missingDevice({ device, listed, script, cause }: MissingDevice): TemperError {
  const say = (what: string): TemperError =>
    new TemperError("bad-option", `device ${device}: ${what}`, { cause });
  if (!listed.includes(device)) {
    const known = devices.filter((one) => one === "cpu" || listed.includes(one)).join(", ");
    return say(
      `onnxruntime-node has it on ${published[device]}; here, on ${platform} ${arch}, it knows ${known}`,
    );
  }
  switch (device) {
    case "cuda":
      return script === undefined
        ? say("no NVIDIA GPU that onnxruntime can use; it needs a driver, CUDA 12 and cuDNN 9")
        : say(
            `its libraries are not beside onnxruntime-node; get them with ` +
              `node ${script} --onnxruntime-node-install=cuda12, and have CUDA 12 and cuDNN 9`,
          );
    case "webgpu":
      return say(
        platform === "linux"
          ? "no GPU that onnxruntime can use; on Linux it needs Vulkan (libvulkan1) and the driver of the GPU for it"
          : "no GPU that onnxruntime can use; it needs the driver of the GPU",
      );
    case "dml":
      return say("no GPU that onnxruntime can use; it needs one with DirectX 12 and its driver");
    case "coreml":
      return say("onnxruntime cannot use Core ML here; it needs macOS 10.15 or later");
  }
}
