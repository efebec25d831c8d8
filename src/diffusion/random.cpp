#include "diffusion/random.h"

#include <cmath>
#include <cstddef>
#include <numbers>

namespace tempera::diffusion {
namespace {

// Draws of at least this many elements go in blocks of as many.
constexpr size_t kBlock = 16;

// Box-Muller in place: uniform i of the first half gives the radius, i of the second the angle.
void normal_block(float* block) {
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const float radius = std::sqrt(-2.0f * std::log(1.0f - block[i]));
    const float angle = 2.0f * std::numbers::pi_v<float> * block[i + kBlock / 2];
    block[i] = radius * std::cos(angle);
    block[i + kBlock / 2] = radius * std::sin(angle);
  }
}

}  // namespace

float TorchCpuGenerator::uniform_f32() {
  return static_cast<float>(engine_() & ((1u << 24) - 1)) * 0x1p-24f;
}

double TorchCpuGenerator::uniform_f64() {
  const uint64_t high = engine_();
  const uint64_t low = engine_();
  return static_cast<double>((high << 32 | low) & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

double TorchCpuGenerator::next_normal() {
  if (cached_) {
    const double value = *cached_;
    cached_.reset();
    return value;
  }
  const double angle = 2.0 * std::numbers::pi * uniform_f64();
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform_f64()));
  cached_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchCpuGenerator::fill_blocks(std::span<float> values) {
  for (float& value : values) value = uniform_f32();
  for (size_t i = 0; i + kBlock <= values.size(); i += kBlock) normal_block(&values[i]);
  if (values.size() % kBlock == 0) return;
  // A ragged end: the last block is drawn anew as a whole.
  std::span<float> last = values.last(kBlock);
  for (float& value : last) value = uniform_f32();
  normal_block(last.data());
}

void TorchCpuGenerator::normal(std::span<float> values) {
  if (values.size() >= kBlock) return fill_blocks(values);
  for (float& value : values) value = static_cast<float>(next_normal());
}

}  // namespace tempera::diffusion
