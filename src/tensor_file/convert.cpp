#include "tensor_file/convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tempera {
namespace {

// Values pass through blocks of f32 or f64 that stay in the first-level cache.
constexpr size_t kBlock = 1024;

template <typename T>
T element(const std::byte* bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void set_element(std::byte* bytes, size_t i, T value) {
  std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
}

template <typename T, typename Wide, typename Read>
void read_all(const std::byte* bytes, std::span<Wide> out, Read read) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Wide>(read(element<T>(bytes, i)));
}

// Wide is float or double.
template <typename Wide>
void widen(DType from, const std::byte* bytes, std::span<Wide> out) {
  const auto same = [](auto value) { return value; };
  switch (from) {
    case DType::f64:
      return read_all<double>(bytes, out, same);
    case DType::f32:
      return read_all<float>(bytes, out, same);
    case DType::f16:
      return read_all<uint16_t>(bytes, out, f16_to_f32);
    case DType::bf16:
      return read_all<uint16_t>(bytes, out, bf16_to_f32);
    case DType::i64:
      return read_all<int64_t>(bytes, out, same);
    case DType::i32:
      return read_all<int32_t>(bytes, out, same);
    case DType::i8:
      return read_all<int8_t>(bytes, out, same);
    case DType::u8:
      return read_all<uint8_t>(bytes, out, same);
    case DType::boolean:
      return read_all<uint8_t>(bytes, out, [](uint8_t value) { return value != 0; });
  }
}

// Rounds to odd: where the f32 is not exact, the neighbour with an odd mantissa. Rounding that once
// more to fewer bits gives what rounding the f64 at once would give.
float to_odd_f32(double value) {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value)) return nearest;
  if ((std::bit_cast<uint32_t>(nearest) & 1u) != 0) return nearest;
  const bool below = static_cast<double>(nearest) < value;
  return std::nextafter(nearest, below ? std::numeric_limits<float>::infinity()
                                       : -std::numeric_limits<float>::infinity());
}

float for_16_bits(float value) { return value; }
float for_16_bits(double value) { return to_odd_f32(value); }

template <typename Int, typename Wide>
Int saturate(Wide value) {
  if (std::isnan(value)) return 0;
  // The largest i64 and i32 are not representable in every Wide; the power of two above them is.
  constexpr Wide kEnd = static_cast<Wide>(std::numeric_limits<Int>::max() / 2 + 1) * 2;
  if (value >= kEnd) return std::numeric_limits<Int>::max();
  if (value < static_cast<Wide>(std::numeric_limits<Int>::min()))
    return std::numeric_limits<Int>::min();
  return static_cast<Int>(value);
}

template <typename T, typename Wide, typename Make>
void write_all(std::span<const Wide> values, std::byte* out, Make make) {
  for (size_t i = 0; i < values.size(); ++i) set_element<T>(out, i, make(values[i]));
}

template <typename Wide>
void narrow(std::span<const Wide> values, DType to, std::byte* out) {
  switch (to) {
    case DType::f64:
      return write_all<double>(values, out, [](Wide value) { return static_cast<double>(value); });
    case DType::f32:
      return write_all<float>(values, out, [](Wide value) { return static_cast<float>(value); });
    case DType::f16:
      return write_all<uint16_t>(values, out,
                                 [](Wide value) { return f32_to_f16(for_16_bits(value)); });
    case DType::bf16:
      return write_all<uint16_t>(values, out,
                                 [](Wide value) { return f32_to_bf16(for_16_bits(value)); });
    case DType::i64:
      return write_all<int64_t>(values, out, saturate<int64_t, Wide>);
    case DType::i32:
      return write_all<int32_t>(values, out, saturate<int32_t, Wide>);
    case DType::i8:
      return write_all<int8_t>(values, out, saturate<int8_t, Wide>);
    case DType::u8:
      return write_all<uint8_t>(values, out, saturate<uint8_t, Wide>);
    case DType::boolean:
      return write_all<uint8_t>(values, out,
                                [](Wide value) { return static_cast<uint8_t>(value != 0); });
  }
}

template <typename Wide>
void convert_through(DType from, const std::byte* bytes, DType to, std::byte* out, size_t count) {
  std::array<Wide, kBlock> block;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const std::span<Wide> values(block.data(), std::min(kBlock, count - begin));
    widen<Wide>(from, bytes + begin * static_cast<size_t>(size_in_bytes(from)), values);
    narrow<Wide>(values, to, out + begin * static_cast<size_t>(size_in_bytes(to)));
  }
}

bool fits_f32(DType dtype) {
  return dtype != DType::f64 && dtype != DType::i64 && dtype != DType::i32;
}

size_t elements(DType dtype, size_t bytes) {
  const auto size = static_cast<size_t>(size_in_bytes(dtype));
  CHECK(bytes % size == 0, "{} bytes of {}", bytes, name(dtype));
  return bytes / size;
}

}  // namespace

void widen_to_f32(DType from, std::span<const std::byte> bytes, std::span<float> out) {
  CHECK(elements(from, bytes.size()) == out.size(), "{} elements into {}",
        elements(from, bytes.size()), out.size());
  widen<float>(from, bytes.data(), out);
}

void convert(DType from, std::span<const std::byte> bytes, DType to, std::span<std::byte> out) {
  const size_t count = elements(from, bytes.size());
  CHECK(elements(to, out.size()) == count, "{} elements into {}", count, elements(to, out.size()));
  if (from == to)
    std::copy(bytes.begin(), bytes.end(), out.begin());
  else if (fits_f32(from))
    convert_through<float>(from, bytes.data(), to, out.data(), count);
  else
    convert_through<double>(from, bytes.data(), to, out.data(), count);
}

}  // namespace tempera
