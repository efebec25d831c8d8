#include <algorithm>
#include <functional>
#include <unordered_set>

#include "base/json.h"
#include "base/text.h"
#include "tensor_file/safetensors.h"
#include "tensor_file/stream_safetensors.h"

namespace tempera {
namespace {

using Metadata = std::vector<std::pair<std::string, std::string>>;

Error bad_name(const std::string& path, std::string_view what, std::string_view name,
               std::string_view problem) {
  return error(ErrorCode::invalid_argument, "cannot write {}: {} {} {}", path, what, quote(name),
               problem);
}

// Names must be distinct UTF-8; keys of tensors and of metadata are checked apart.
template <typename Names>
Status check_names(const std::string& path, std::string_view what, const Names& names) {
  std::unordered_set<std::string_view> seen;
  for (std::string_view name : names) {
    if (!is_utf8(name)) return bad_name(path, what, name, "is not UTF-8");
    if (!seen.insert(name).second) return bad_name(path, what, name, "occurs twice");
  }
  return {};
}

// Of the dtype and shape, in bytes.
template <typename T>
size_t byte_count(const T& tensor) {
  return static_cast<size_t>(element_count(tensor.shape) * size_in_bytes(tensor.dtype));
}

template <typename T>
Status check_input(const std::string& path, const std::vector<T>& tensors,
                   const Metadata& metadata) {
  std::vector<std::string_view> names;
  for (const T& tensor : tensors) {
    CHECK(tensor.name != kSafetensorsMetadataKey);
    names.push_back(tensor.name);
  }
  TRY(check_names(path, "tensor", names));
  names.clear();
  for (const auto& [key, text] : metadata) {
    if (!is_utf8(text)) return bad_name(path, "metadata", key, "has a value that is not UTF-8");
    names.push_back(key);
  }
  return check_names(path, "metadata", names);
}

template <typename T>
Json header_json(const std::vector<T>& tensors, const Metadata& metadata) {
  // The names are known to be distinct: appending to the object avoids a search per name.
  Json header = Json::object();
  auto& fields = static_cast<Json::object_t::Container&>(header.get_ref<Json::object_t&>());
  if (!metadata.empty()) {
    Json texts = Json::object();
    for (const auto& [key, text] : metadata) texts[key] = text;
    fields.emplace_back(kSafetensorsMetadataKey, std::move(texts));
  }
  uint64_t begin = 0;
  for (const T& tensor : tensors) {
    const uint64_t end = begin + byte_count(tensor);
    fields.emplace_back(tensor.name, Json({{"dtype", safetensors_dtype(tensor.dtype)},
                                           {"shape", tensor.shape},
                                           {"data_offsets", {begin, end}}}));
    begin = end;
  }
  return header;
}

template <typename T>
std::vector<T> larger_elements_first(std::vector<T> tensors) {
  std::vector<T> ordered;
  for (int64_t size : {8, 4, 2, 1})
    for (T& tensor : tensors)
      if (size_in_bytes(tensor.dtype) == size) ordered.push_back(std::move(tensor));
  return ordered;
}

std::string length_field(uint64_t length) {
  std::string field(kSafetensorsLengthBytes, '\0');
  for (char& byte : field) {
    byte = static_cast<char>(length & 0xffu);
    length >>= 8;
  }
  return field;
}

Status write_values(AtomicFile& file, const TensorView& tensor) {
  CHECK(tensor.bytes.size() == byte_count(tensor), "tensor '{}' {} {} with {} bytes", tensor.name,
        name(tensor.dtype), to_string(tensor.shape), tensor.bytes.size());
  return file.write(tensor.bytes);
}

Status write_values(AtomicFile& file, const LazyTensor& tensor) {
  ASSIGN_OR_RETURN(const Tensor values, tensor.values());
  CHECK(values.data.size() == byte_count(tensor), "tensor '{}' {} {} with {} bytes", tensor.name,
        name(tensor.dtype), to_string(tensor.shape), values.data.size());
  return file.write(values.data);
}

// In the order given; the data starts at a multiple of `alignment`.
template <typename T>
Status write(const std::string& path, const std::vector<T>& tensors, const Metadata& metadata,
             size_t alignment = 8) {
  TRY(check_input(path, tensors, metadata));
  std::string header = header_json(tensors, metadata).dump();
  const size_t start = kSafetensorsLengthBytes + header.size();
  header.append((alignment - start % alignment) % alignment, ' ');
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  TRY(file.write(length_field(header.size()) + header));
  for (const T& tensor : tensors) TRY(write_values(file, tensor));
  return file.commit();
}

}  // namespace

TensorView view(std::string name, const Tensor& tensor) {
  return {std::move(name), tensor.dtype, tensor.shape, tensor.data};
}

Status write_safetensors(const std::string& path, std::vector<TensorView> tensors,
                         const Metadata& metadata) {
  return write(path, larger_elements_first(std::move(tensors)), metadata);
}

Status stream_safetensors(const std::string& path, std::vector<LazyTensor> tensors,
                          const Metadata& metadata) {
  return write(path, larger_elements_first(std::move(tensors)), metadata);
}

Status stream_aligned_safetensors(const std::string& path, std::vector<LazyTensor> tensors,
                                  int64_t alignment) {
  const auto limit = static_cast<size_t>(alignment);
  std::ranges::stable_sort(tensors, std::greater(), [&](const LazyTensor& t) {
    return natural_alignment(byte_count(t), limit);
  });
  return write(path, tensors, {}, limit);
}

}  // namespace tempera
