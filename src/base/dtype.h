#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/check.h"

namespace tempera {

// Element types of tensors and kernel values. boolean is one byte, 0 or 1.
enum class DType : uint8_t { f64, f32, f16, bf16, i64, i32, i8, u8, boolean };

int64_t size_in_bytes(DType dtype);
std::string_view name(DType dtype);  // "f64" "f32" "f16" "bf16" "i64" "i32" "i8" "u8" "bool"
std::optional<DType> dtype_from_name(std::string_view name);
bool is_float(DType dtype);
bool is_integer(DType dtype);  // i64 i32 i8 u8

// `a` or `b`, by mask: a conditional expression may become a branch, which keeps loops scalar.
inline uint32_t select_bits(bool condition, uint32_t a, uint32_t b) {
  const uint32_t mask = 0u - static_cast<uint32_t>(condition);
  return (a & mask) | (b & ~mask);
}

// IEEE binary16 and bfloat16 as bit patterns; round to nearest even, NaN stays NaN. Without
// branches and here in the header, so that loops over them become vector code.
inline float f16_to_f32(uint16_t bits) {
  const uint32_t magnitude = bits & 0x7fffu;
  const uint32_t shifted = magnitude << 13;
  const uint32_t normal = shifted + (112u << 23);  // the exponent's bias goes from 15 to 127
  const uint32_t infinite = shifted + (224u << 23);
  // Below 2^-14 the mantissa counts units of 2^-24: put it behind the leading 1 of 2^-14, then
  // take the 1 away.
  constexpr uint32_t kSmallestNormal = 113u << 23;
  const uint32_t subnormal = std::bit_cast<uint32_t>(
      std::bit_cast<float>(shifted + kSmallestNormal) - std::bit_cast<float>(kSmallestNormal));
  const uint32_t finite = select_bits(magnitude < 0x400u, subnormal, normal);
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  return std::bit_cast<float>(sign | select_bits(magnitude < 0x7c00u, finite, infinite));
}

inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  // Next to 0.5 a float counts units of 2^-24, as a subnormal f16 does.
  const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
                             std::bit_cast<uint32_t>(0.5f);
  const uint32_t infinite = select_bits(magnitude > 0x7f800000u, 0x7e00u, 0x7c00u);
  const uint32_t finite = select_bits(magnitude < (113u << 23), subnormal, normal);
  constexpr uint32_t kOverflow = 0x477ff000u;  // 65520: half way from the largest f16 to 65536
  const uint32_t rounded = select_bits(magnitude < kOverflow, finite, infinite);
  return static_cast<uint16_t>(((bits >> 16) & 0x8000u) | rounded);
}

inline float bf16_to_f32(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t quiet_nan = (bits >> 16) | 0x40u;
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

}  // namespace tempera
