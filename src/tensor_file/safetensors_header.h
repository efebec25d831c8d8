#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tensor_file/tensor_info.h"

namespace tempera {

// The safetensors layout: 8 bytes little-endian header length, the header (a JSON object, may end
// in spaces), the data.
//   {"__metadata__": {text: text, ...}, name: {"dtype": "F16", "shape": [...], "data_offsets":
//   [begin, end]}, ...}
// Offsets count from the start of the data and cover it without overlap, hole or rest.
struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;                            // in the order of their bytes
  std::vector<std::pair<std::string, std::string>> metadata;  // in the order written
};

inline constexpr size_t kSafetensorsLengthBytes = 8;
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
inline constexpr std::string_view kSafetensorsMetadataKey = "__metadata__";

std::string_view safetensors_dtype(
    DType dtype);  // "F64" "F32" "F16" "BF16" "I64" "I32" "I8" "U8" "BOOL"
std::optional<DType> dtype_from_safetensors(std::string_view name);

// `file_start` holds at least the header of a file of `file_size` bytes, or all of it when the file
// is shorter than that; `where` names the file in errors. data_loss: anything above that does not
// hold; unsupported: a dtype that is not in the list above; resource_exhausted: a header over
// kMaxSafetensorsHeaderBytes.
Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file_start,
                                                   uint64_t file_size, std::string_view where);

}  // namespace tempera
