#pragma once

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

// IEEE binary16 and bfloat16 as bit patterns; round to nearest even, NaN stays NaN.
float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);

}  // namespace tempera
