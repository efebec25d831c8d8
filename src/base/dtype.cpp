#include "base/dtype.h"

#include <array>

namespace tempera {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  int64_t bytes;
};

constexpr std::array<DTypeRow, 9> kDTypes = {{
    {DType::f64, "f64", 8},
    {DType::f32, "f32", 4},
    {DType::f16, "f16", 2},
    {DType::bf16, "bf16", 2},
    {DType::i64, "i64", 8},
    {DType::i32, "i32", 4},
    {DType::i8, "i8", 1},
    {DType::u8, "u8", 1},
    {DType::boolean, "bool", 1},
}};

const DTypeRow& row(DType dtype) { return kDTypes.at(static_cast<size_t>(dtype)); }

}  // namespace

int64_t size_in_bytes(DType dtype) { return row(dtype).bytes; }
std::string_view name(DType dtype) { return row(dtype).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& r : kDTypes)
    if (r.name == name) return r.dtype;
  return std::nullopt;
}

bool is_float(DType dtype) { return dtype <= DType::bf16; }
bool is_integer(DType dtype) { return dtype >= DType::i64 && dtype <= DType::u8; }

}  // namespace tempera
