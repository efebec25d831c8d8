#include <unordered_set>

#include "base/json.h"
#include "base/text.h"
#include "tensor_file/safetensors.h"

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

Status check_input(const std::string& path, const std::vector<TensorView>& tensors,
                   const Metadata& metadata) {
  std::vector<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    CHECK(static_cast<int64_t>(tensor.bytes.size()) ==
              element_count(tensor.shape) * size_in_bytes(tensor.dtype),
          "tensor '{}' {} {} with {} bytes", tensor.name, name(tensor.dtype),
          to_string(tensor.shape), tensor.bytes.size());
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

Json header_json(const std::vector<TensorView>& tensors, const Metadata& metadata) {
  // The names are known to be distinct: appending to the object avoids a search per name.
  Json header = Json::object();
  auto& fields = static_cast<Json::object_t::Container&>(header.get_ref<Json::object_t&>());
  if (!metadata.empty()) {
    Json texts = Json::object();
    for (const auto& [key, text] : metadata) texts[key] = text;
    fields.emplace_back(kSafetensorsMetadataKey, std::move(texts));
  }
  uint64_t begin = 0;
  for (const TensorView& tensor : tensors) {
    const uint64_t end = begin + tensor.bytes.size();
    fields.emplace_back(tensor.name, Json({{"dtype", safetensors_dtype(tensor.dtype)},
                                           {"shape", tensor.shape},
                                           {"data_offsets", {begin, end}}}));
    begin = end;
  }
  return header;
}

std::vector<TensorView> larger_elements_first(std::vector<TensorView> tensors) {
  std::vector<TensorView> ordered;
  for (int64_t size : {8, 4, 2, 1})
    for (TensorView& tensor : tensors)
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

}  // namespace

TensorView view(std::string name, const Tensor& tensor) {
  return {std::move(name), tensor.dtype, tensor.shape, tensor.data};
}

Status write_safetensors(const std::string& path, std::vector<TensorView> tensors,
                         const Metadata& metadata) {
  TRY(check_input(path, tensors, metadata));
  tensors = larger_elements_first(std::move(tensors));
  std::string header = header_json(tensors, metadata).dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  TRY(file.write(length_field(header.size()) + header));
  for (const TensorView& tensor : tensors) TRY(file.write(tensor.bytes));
  return file.commit();
}

}  // namespace tempera
