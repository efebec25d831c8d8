#include "diffusion/noise/seed_sequence.h"

#include <array>
#include <cstddef>
#include <vector>

namespace tempera::diffusion {
namespace {

// numpy's constants (O'Neill, "Developing a seed_seq alternative", 2015).
constexpr size_t kPool = 24;
constexpr int kShift = 16;
constexpr uint32_t kInitA = 0x43b0d7e5, kMultiplierA = 0x931e8875;
constexpr uint32_t kInitB = 0x8b51f9dd, kMultiplierB = 0x58f38ded;
constexpr uint32_t kMixLeft = 0xca01f9dd, kMixRight = 0x4973f715;

class Hash {
 public:
  uint32_t operator()(uint32_t value) {
    value ^= constant_;
    constant_ *= kMultiplierA;
    value *= constant_;
    return value ^ value >> kShift;
  }

 private:
  uint32_t constant_ = kInitA;
};

uint32_t mix(uint32_t x, uint32_t y) {
  const uint32_t value = kMixLeft * x - kMixRight * y;
  return value ^ value >> kShift;
}

// As many words as the value needs, at least one.
void append(uint64_t value, std::vector<uint32_t>& words) {
  words.push_back(static_cast<uint32_t>(value));
  if (value >> 32 != 0) words.push_back(static_cast<uint32_t>(value >> 32));
}

std::array<uint32_t, kPool> mixed_pool(std::span<const uint32_t> entropy) {
  std::array<uint32_t, kPool> pool{};
  Hash hash;
  for (size_t i = 0; i < kPool; ++i) pool[i] = hash(i < entropy.size() ? entropy[i] : 0);
  for (size_t from = 0; from < kPool; ++from)
    for (size_t to = 0; to < kPool; ++to)
      if (from != to) pool[to] = mix(pool[to], hash(pool[from]));
  for (size_t from = kPool; from < entropy.size(); ++from)
    for (uint32_t& word : pool) word = mix(word, hash(entropy[from]));
  return pool;
}

}  // namespace

uint32_t seed_sequence_word(uint64_t entropy, std::span<const uint64_t> spawn_key) {
  std::vector<uint32_t> words;
  append(entropy, words);
  // So that a spawned sequence is never that of a longer entropy.
  if (!spawn_key.empty()) words.resize(kPool);
  for (const uint64_t key : spawn_key) append(key, words);
  uint32_t word = mixed_pool(words)[0] ^ kInitB;
  word *= kInitB * kMultiplierB;
  return word ^ word >> kShift;
}

}  // namespace tempera::diffusion
