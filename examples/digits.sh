#!/usr/bin/env bash
# The commands of the README from inspect to select, on the built-in digits: no download. Writes into digits-example/.
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
temper() { node "$root/dist/cli/main.js" "$@"; }
model="$root/models/digits-cnnlight.onnx"
out="${1:-digits-example}"
mkdir -p "$out"

# What would be changed, and which operators have a gradient.
temper inspect "$model"

# How the network fares on clean images and under attack.
temper evaluate "$model" --data "digits:test[0:100]" --attack pgd --eps 0.1

# The five training images that PGD turns most easily.
temper attack "$model" --data "digits:train[0:300]" --eps 0.1 --worst 5 --out "$out/points.npz"

# The nearest network that gets them right; the whole trade-off stays in the RUN folder.
temper correct "$model" --data "digits:train[0:300]" --points "$out/points.npz" --iterations 3 --out "$out/run" --force

# Chosen again from the trade-off, with more weight on the training loss.
temper select "$out/run" --weight 0.5 --out "$out/model.onnx"

temper evaluate "$out/model.onnx" --data "digits:test[0:100]" --attack pgd --eps 0.1
