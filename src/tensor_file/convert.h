#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"

namespace tempera {

// Elements of `from` as f32: exact for f16, bf16, i8, u8 and boolean, else rounded to nearest even.
// `bytes` may have any alignment and holds out.size() elements.
void widen_to_f32(DType from, std::span<const std::byte> bytes, std::span<float> out);

// Elements of `from` as elements of `to`; both spans hold the same number of elements, of any
// alignment, and do not overlap. Floats round once to nearest even; float to integer cuts towards
// zero and saturates, NaN gives 0; to boolean is "not zero". Integers beyond 2^53 in magnitude are
// rounded to f64 first unless both dtypes are equal.
void convert(DType from, std::span<const std::byte> bytes, DType to, std::span<std::byte> out);

}  // namespace tempera
