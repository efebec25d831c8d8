#include "tensor_file/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "base/json.h"
#include "base/text.h"

namespace tempera {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 9> kDTypes = {{{DType::f64, "F64"},
                                                                        {DType::f32, "F32"},
                                                                        {DType::f16, "F16"},
                                                                        {DType::bf16, "BF16"},
                                                                        {DType::i64, "I64"},
                                                                        {DType::i32, "I32"},
                                                                        {DType::i8, "I8"},
                                                                        {DType::u8, "U8"},
                                                                        {DType::boolean, "BOOL"}}};

constexpr uint64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

template <typename... Args>
Error bad_file(std::string_view where, fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorCode::data_loss, "{}: {}", where,
               fmt::format(format, std::forward<Args>(args)...));
}

Result<uint64_t> header_length(std::span<const std::byte> file_start, uint64_t file_size,
                               std::string_view where) {
  if (file_size == 0) return bad_file(where, "is empty");
  if (file_size < kSafetensorsLengthBytes)
    return bad_file(where,
                    "has {} bytes, fewer than the {} of the header length; download it again",
                    file_size, kSafetensorsLengthBytes);
  uint64_t length = 0;
  for (size_t i = kSafetensorsLengthBytes; i-- > 0;)
    length = length << 8 | static_cast<uint8_t>(file_start[i]);
  const uint64_t room = file_size - kSafetensorsLengthBytes;
  if (length > room)
    return bad_file(where,
                    "the header should have {} bytes, but only {} follow; the file is cut short or "
                    "no safetensors file",
                    length, room);
  if (length > kMaxSafetensorsHeaderBytes)
    return error(ErrorCode::resource_exhausted,
                 "{}: the header has {} bytes, more than the {} that are read", where, length,
                 kMaxSafetensorsHeaderBytes);
  return length;
}

Result<DType> read_dtype(const Json& entry, std::string_view tensor) {
  ASSIGN_OR_RETURN(const std::string name, get<std::string>(entry, "dtype", tensor));
  if (const auto dtype = dtype_from_safetensors(name)) return *dtype;
  return error(ErrorCode::unsupported,
               "{} has dtype {}; supported are F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL",
               tensor, quote(name));
}

// A non-negative integer below 2^63.
Result<uint64_t> read_count(const Json& json, std::string_view what, std::string_view tensor) {
  if (json.is_number_unsigned() && json.get<uint64_t>() <= kMaxInt64) return json.get<uint64_t>();
  return bad_file(tensor, "{} must hold integers from 0 to 2^63 - 1, not {}", what,
                  json.is_number() ? json.dump() : json.type_name());
}

Result<const Json*> read_array(const Json& entry, std::string_view key, std::string_view tensor) {
  const auto field = entry.find(key);
  if (field == entry.end()) return bad_file(tensor, "{} is missing", key);
  if (!field->is_array())
    return bad_file(tensor, "{} must be an array, not {}", key, field->type_name());
  return &*field;
}

Result<Shape> read_shape(const Json& entry, std::string_view tensor) {
  ASSIGN_OR_RETURN(const Json* extents, read_array(entry, "shape", tensor));
  Shape shape;
  for (const Json& extent : *extents) {
    ASSIGN_OR_RETURN(const uint64_t count, read_count(extent, "shape", tensor));
    shape.push_back(static_cast<int64_t>(count));
  }
  return shape;
}

// The size of the tensor's data; nothing when it, or a part of the product, is 2^63 or more.
std::optional<uint64_t> data_bytes(DType dtype, const Shape& shape) {
  auto bytes = static_cast<uint64_t>(size_in_bytes(dtype));
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes) || bytes > kMaxInt64)
      return std::nullopt;
  return bytes;
}

Status read_offsets(const Json& entry, std::string_view tensor, TensorInfo& info) {
  ASSIGN_OR_RETURN(const Json* offsets, read_array(entry, "data_offsets", tensor));
  if (offsets->size() != 2)
    return bad_file(tensor, "data_offsets must be [begin, end], not {} numbers", offsets->size());
  ASSIGN_OR_RETURN(info.begin, read_count((*offsets)[0], "data_offsets", tensor));
  ASSIGN_OR_RETURN(info.end, read_count((*offsets)[1], "data_offsets", tensor));
  if (info.end < info.begin)
    return bad_file(tensor, "data_offsets [{}, {}] end before they begin", info.begin, info.end);
  return {};
}

Status check_size(const TensorInfo& info, std::string_view tensor) {
  const std::optional<uint64_t> bytes = data_bytes(info.dtype, info.shape);
  if (!bytes)
    return bad_file(tensor, "shape {} overflows the size of a tensor", to_string(info.shape));
  if (*bytes != info.end - info.begin)
    return bad_file(tensor, "{} {} takes {} bytes, but data_offsets [{}, {}] are {} apart",
                    name(info.dtype), to_string(info.shape), *bytes, info.begin, info.end,
                    info.end - info.begin);
  return {};
}

// One entry of the header; offsets still count from the start of the data.
Result<TensorInfo> read_tensor(std::string_view name, const Json& entry, std::string_view where) {
  const std::string tensor = fmt::format("{}: tensor {}", where, quote(name));
  if (!entry.is_object()) return bad_file(tensor, "must be an object, not {}", entry.type_name());
  TensorInfo info = {.name = std::string(name)};
  ASSIGN_OR_RETURN(info.dtype, read_dtype(entry, tensor));
  ASSIGN_OR_RETURN(info.shape, read_shape(entry, tensor));
  TRY(read_offsets(entry, tensor, info));
  TRY(check_size(info, tensor));
  return info;
}

Status read_metadata(const Json& entry, std::string_view where, SafetensorsHeader& header) {
  if (!entry.is_object())
    return bad_file(where, "{} must be an object, not {}", kSafetensorsMetadataKey,
                    entry.type_name());
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string())
      return bad_file(where, "{} {} must be a string, not {}", kSafetensorsMetadataKey, quote(key),
                      value.type_name());
    header.metadata.emplace_back(key, value.get<std::string>());
  }
  return {};
}

Result<SafetensorsHeader> read_entries(const Json& json, std::string_view where) {
  if (!json.is_object())
    return bad_file(where, "the header must be a JSON object, not {}", json.type_name());
  SafetensorsHeader header;
  for (const auto& [name, entry] : json.items()) {
    if (name == kSafetensorsMetadataKey) {
      TRY(read_metadata(entry, where, header));
      continue;
    }
    ASSIGN_OR_RETURN(TensorInfo info, read_tensor(name, entry, where));
    header.tensors.push_back(std::move(info));
  }
  return header;
}

// `tensors` in the order of their bytes must cover [0, data_size) exactly.
Status check_coverage(const std::vector<TensorInfo>& tensors, uint64_t data_size,
                      std::string_view where) {
  uint64_t covered = 0;
  for (const TensorInfo& info : tensors) {
    const std::string tensor = fmt::format("{}: tensor {}", where, quote(info.name));
    if (info.end > data_size)
      return bad_file(
          tensor,
          "data_offsets [{}, {}] reach past the file's {} bytes of data; download the file again",
          info.begin, info.end, data_size);
    if (info.begin < covered)
      return bad_file(tensor, "data_offsets [{}, {}] overlap the tensor before, which ends at {}",
                      info.begin, info.end, covered);
    if (info.begin > covered)
      return bad_file(tensor, "data_offsets [{}, {}] leave a hole of {} bytes before them",
                      info.begin, info.end, info.begin - covered);
    covered = info.end;
  }
  if (covered < data_size)
    return bad_file(where, "{} bytes follow the last tensor, which ends at {} of {}",
                    data_size - covered, covered, data_size);
  return {};
}

}  // namespace

std::string_view safetensors_dtype(DType dtype) {
  return kDTypes.at(static_cast<size_t>(dtype)).second;
}

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (const auto& [dtype, text] : kDTypes)
    if (text == name) return dtype;
  return std::nullopt;
}

Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file_start,
                                                   uint64_t file_size, std::string_view where) {
  ASSIGN_OR_RETURN(const uint64_t length, header_length(file_start, file_size, where));
  const uint64_t data_start = kSafetensorsLengthBytes + length;
  CHECK(file_start.size() >= data_start, "{} of {} bytes of the header given", file_start.size(),
        data_start);
  const std::string_view text(
      reinterpret_cast<const char*>(file_start.data()) + kSafetensorsLengthBytes, length);
  if (!text.starts_with('{'))
    return bad_file(where, "the header must be a JSON object, which starts with '{{'");
  ASSIGN_OR_RETURN(const Json json, parse_json(text, fmt::format("{}: header", where)));
  ASSIGN_OR_RETURN(SafetensorsHeader header, read_entries(json, where));
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  TRY(check_coverage(header.tensors, file_size - data_start, where));
  for (TensorInfo& info : header.tensors) {
    info.begin += data_start;
    info.end += data_start;
  }
  return header;
}

}  // namespace tempera
