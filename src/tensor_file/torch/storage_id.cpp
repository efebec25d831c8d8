#include <algorithm>
#include <array>

#include "tensor_file/torch/tensors.h"

namespace tempera::torch {
namespace {

struct StorageType {
  std::string_view name;
  int64_t element_bytes;
};

constexpr auto kStorageTypes = std::to_array<StorageType>({
    {"DoubleStorage", 8},
    {"FloatStorage", 4},
    {"HalfStorage", 2},
    {"BFloat16Storage", 2},
    {"LongStorage", 8},
    {"IntStorage", 4},
    {"ShortStorage", 2},
    {"CharStorage", 1},
    {"ByteStorage", 1},
    {"BoolStorage", 1},
    {"UntypedStorage", 1},
    {"ComplexFloatStorage", 8},
    {"ComplexDoubleStorage", 16},
    {"QInt8Storage", 1},
    {"QUInt8Storage", 1},
    {"QInt32Storage", 4},
});

std::optional<uint64_t> count_of(const pickle::Value& value) {
  if (value.kind != pickle::Kind::integer || value.integer < 0) return std::nullopt;
  return static_cast<uint64_t>(value.integer);
}

}  // namespace

std::optional<int64_t> element_bytes(std::string_view storage_type) {
  const auto found = std::ranges::find(kStorageTypes, storage_type, &StorageType::name);
  if (found == kStorageTypes.end()) return std::nullopt;
  return found->element_bytes;
}

std::optional<StorageId> storage_id(const pickle::Document& document, const pickle::Value& value) {
  using pickle::Kind;
  if (value.kind != Kind::persistent) return std::nullopt;
  const auto& fields = document[value.items[0]].items;
  if (fields.size() < 5 || fields.size() > 6 || document[fields[0]].text != "storage")
    return std::nullopt;
  const pickle::Value &type = document[fields[1]], &key = document[fields[2]];
  const auto elements = count_of(document[fields[4]]);
  if (type.kind != Kind::global || key.kind != Kind::text || !elements) return std::nullopt;
  StorageId id{.key = key.text, .type = type.text, .elements = *elements};
  if (fields.size() == 5 || document[fields[5]].kind == Kind::none) return id;
  const auto& view = document[fields[5]].items;
  if (view.size() != 3) return std::nullopt;
  const auto first = count_of(document[view[1]]), count = count_of(document[view[2]]);
  if (!first || !count) return std::nullopt;
  id.view_offset = *first;
  id.elements = *count;
  return id;
}

}  // namespace tempera::torch
