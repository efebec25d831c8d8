#pragma once

#include <cstdint>
#include <span>

namespace tempera::diffusion {

// The first 32-bit word of numpy.random.SeedSequence(entropy, spawn_key=spawn_key, pool_size=24):
// what torchsde seeds the nodes of its Brownian trees with.
uint32_t seed_sequence_word(uint64_t entropy, std::span<const uint64_t> spawn_key = {});

}  // namespace tempera::diffusion
