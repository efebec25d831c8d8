#include "diffusion/noise/philox.h"

#include <cmath>

namespace tempera::diffusion {
namespace {

constexpr int kRounds = 10;
constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

// cuRAND's constants: 2^-32, and 2 pi of it, in the digits that it writes.
constexpr double kUnit = 2.3283064e-10;
constexpr double kAngle = kUnit * 6.2831855;

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t a = counter[0] * kMultiplier0, b = counter[2] * kMultiplier1;
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

// Each element has a counter of its own, of whose Box-Muller pair the sine is taken.
void PhiloxGenerator::normal(std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = philox4x32({draw_, 0, static_cast<uint32_t>(i), 0}, key_);
    const double radius = std::sqrt(-2.0 * std::log(bits[0] * kUnit + kUnit / 2));
    values[i] = static_cast<float>(radius * std::sin(bits[1] * kAngle + kAngle / 2));
  }
  ++draw_;
}

}  // namespace tempera::diffusion
