#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "diffusion/random.h"

namespace tempera::diffusion {

// One seed a picture: the given ones, or from a single one that seed + i (modulo 2^64) for picture
// i. `invalid_argument` when several are given and they are not `batch` many.
Result<std::vector<uint64_t>> picture_seeds(std::span<const uint64_t> seeds, int64_t batch);

// The sources of all noise of a run, one a picture, so that a picture does not depend on the others
// of its batch (diffusers with a list of generators).
std::vector<TorchCpuGenerator> make_generators(std::span<const uint64_t> seeds);

// The next tensor of unit noise of every picture; `latents` holds the pictures one after another.
void draw_noise(std::vector<TorchCpuGenerator>& generators, std::span<float> latents);

}  // namespace tempera::diffusion
