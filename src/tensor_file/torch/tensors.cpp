#include "tensor_file/torch/tensors.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "base/text.h"
#include "tensor_file/convert.h"
#include "tensor_file/torch/strided.h"

namespace tempera::torch {
namespace {

using pickle::Document;
using pickle::Kind;
using pickle::Value;
using pickle::ValueId;

constexpr int kMaxDepth = 32;           // of dicts in dicts
constexpr size_t kMaxNameBytes = 1024;  // of a tensor, with the dots
constexpr size_t kMaxRank = 16;

// Element types by what torch calls them and their storages; i16 has no DType.
struct Element {
  std::string_view storage, dtype;
  std::optional<DType> stored;
  DType read;
};
constexpr auto kElements = std::to_array<Element>({
    {"DoubleStorage", "float64", DType::f64, DType::f64},
    {"FloatStorage", "float32", DType::f32, DType::f32},
    {"HalfStorage", "float16", DType::f16, DType::f16},
    {"BFloat16Storage", "bfloat16", DType::bf16, DType::bf16},
    {"LongStorage", "int64", DType::i64, DType::i64},
    {"IntStorage", "int32", DType::i32, DType::i32},
    {"ShortStorage", "int16", std::nullopt, DType::i32},
    {"CharStorage", "int8", DType::i8, DType::i8},
    {"ByteStorage", "uint8", DType::u8, DType::u8},
    {"BoolStorage", "bool", DType::boolean, DType::boolean},
});

int64_t stored_bytes(const Element& element) {
  return element.stored ? size_in_bytes(*element.stored) : 2;
}

std::vector<std::byte> widen_i16(std::span<const std::byte> bytes) {
  std::vector<std::byte> wide(2 * bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const auto low = static_cast<uint8_t>(bytes[i]);
    const auto high = static_cast<int8_t>(bytes[i + 1]);
    const auto value = static_cast<uint32_t>(static_cast<int32_t>(high) * 256 + low);
    for (size_t k = 0; k < 4; ++k) wide[2 * i + k] = static_cast<std::byte>(value >> 8 * k);
  }
  return wide;
}

bool is_tensor(const Document& document, const Value& value) {
  if (value.kind != Kind::object) return false;
  const std::string name = class_name(document, value);
  return name.starts_with("torch._utils._rebuild_") ||
         name == "torch._tensor._rebuild_from_type_v2" ||
         name == "torch.nn.parameter._rebuild_parameter";
}

// The attribute of a torch.nn.Module or ParameterDict; null when it has none.
const Value* attribute(const Document& document, const Value& object, std::string_view name) {
  if (object.kind != Kind::object || object.state == pickle::kNoValue) return nullptr;
  return find(document, document[object.state], name);
}

std::string join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

class Reader {
 public:
  Reader(const Document& document, const FindStorage& find_storage, uint64_t copy_limit,
         std::string_view where)
      : document_(document), find_storage_(find_storage), copies_left_(copy_limit), where_(where) {}

  Result<TensorFileContents> read_root();

 private:
  template <typename... Args>
  Error bad(std::string_view tensor, fmt::format_string<Args...> format, Args&&... args) const {
    return error(ErrorCode::data_loss, "{}: tensor {} {}", where_, quote(tensor),
                 fmt::format(format, std::forward<Args>(args)...));
  }

  Status walk(const std::string& path, const Value& value, int depth);
  Status walk_dict(const std::string& path, const Value& dict, int depth);
  Status walk_list(const std::string& path, const Value& list, int depth);
  Status add_tensor(const std::string& name, const Value& object);

  Result<StoredTensor> rebuild(const std::string& name, const Value& function,
                               const Value& arguments, int depth);
  Result<StoredTensor> view(const std::string& name, const Value& arguments,
                            std::string_view dtype);
  Result<Element> element_of(const std::string& name, const StorageId& id,
                             std::string_view dtype) const;
  Result<Strided> read_view(const std::string& name, const Value& arguments) const;
  Status check_view(const std::string& name, const Strided& view, const Element& element,
                    const Storage& storage) const;
  Status count_copy(const std::string& name, uint64_t bytes);

  const Document& document_;
  const FindStorage& find_storage_;
  uint64_t copies_left_;
  const std::string_view where_;
  TensorFileContents contents_;
  std::unordered_set<std::string> names_;
  std::unordered_set<const Value*> seen_;  // containers: each is looked into once
};

Result<TensorFileContents> Reader::read_root() {
  const Value& root = document_[document_.root];
  const Value* state = find(document_, root, "state_dict");
  const bool is_container = root.kind == Kind::dict || root.kind == Kind::list ||
                            root.kind == Kind::tuple || root.kind == Kind::object;
  TRY(walk("", state != nullptr && !state->items.empty() ? *state : root, 0));
  const bool is_empty_dict = root.kind == Kind::dict;
  if (contents_.tensors.empty() && !is_empty_dict)
    return error(ErrorCode::unsupported, "{}: holds {}, not a dict of tensors", where_,
                 root.kind == Kind::object ? quote(class_name(document_, root))
                 : is_container            ? "a list without tensors"
                                           : "a single value");
  return std::move(contents_);
}

Status Reader::walk(const std::string& path, const Value& value, int depth) {
  if (is_tensor(document_, value)) return add_tensor(path.empty() ? "tensor" : path, value);
  const bool is_container = value.kind == Kind::dict || value.kind == Kind::object ||
                            value.kind == Kind::list || value.kind == Kind::tuple;
  if (!is_container || !seen_.insert(&value).second) return {};
  if (depth == kMaxDepth)
    return error(ErrorCode::resource_exhausted, "{}: its dicts are nested deeper than {}", where_,
                 kMaxDepth);
  if (value.kind == Kind::list || value.kind == Kind::tuple) return walk_list(path, value, depth);
  for (const char* name : {"_parameters", "_buffers", "_modules"})
    if (const Value* members = attribute(document_, value, name))
      TRY(walk_dict(path, *members, depth));
  return walk_dict(path, value, depth);
}

Status Reader::walk_dict(const std::string& path, const Value& dict, int depth) {
  if (dict.items.size() % 2 != 0) return {};
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const Value &key = document_[dict.items[i]], &value = document_[dict.items[i + 1]];
    if (key.kind != Kind::text && key.kind != Kind::integer) continue;
    const std::string text = key.kind == Kind::text
                                 ? std::string(key.text.substr(0, kMaxNameBytes + 1))
                                 : std::to_string(key.integer);
    TRY(walk(join(path, text), value, depth + 1));
  }
  return {};
}

Status Reader::walk_list(const std::string& path, const Value& list, int depth) {
  for (size_t i = 0; i < list.items.size(); ++i)
    TRY(walk(join(path, std::to_string(i)), document_[list.items[i]], depth + 1));
  return {};
}

Status Reader::add_tensor(const std::string& name, const Value& object) {
  if (name.size() > kMaxNameBytes)
    return bad(name, "has a name of more than {} bytes", kMaxNameBytes);
  if (!names_.insert(name).second) return bad(name, "is there twice");
  ASSIGN_OR_RETURN(StoredTensor tensor,
                   rebuild(name, document_[object.callable], document_[object.arguments], 0));
  contents_.tensors.emplace_back(name, std::move(tensor));
  return {};
}

Result<StoredTensor> Reader::rebuild(const std::string& name, const Value& function,
                                     const Value& arguments, int depth) {
  const auto& given = arguments.items;
  const std::string_view made_by = function.text;
  if ((made_by == "_rebuild_tensor_v2" || made_by == "_rebuild_tensor") && given.size() >= 4)
    return view(name, arguments, "");
  if (made_by == "_rebuild_tensor_v3" && given.size() >= 7 &&
      document_[given[6]].kind == Kind::global)
    return view(name, arguments, document_[given[6]].text);
  if (depth < 4 && made_by == "_rebuild_from_type_v2" && given.size() >= 3)
    return rebuild(name, document_[given[0]], document_[given[2]], depth + 1);
  if (depth < 4 && made_by.starts_with("_rebuild_parameter") && !given.empty() &&
      is_tensor(document_, document_[given[0]])) {
    const Value& data = document_[given[0]];
    return rebuild(name, document_[data.callable], document_[data.arguments], depth + 1);
  }
  return error(ErrorCode::unsupported,
               "{}: tensor {} is made by {}, which is not supported; save it as a plain tensor",
               where_, quote(name), quote(class_name(document_, function)));
}

Result<Element> Reader::element_of(const std::string& name, const StorageId& id,
                                   std::string_view dtype) const {
  for (const Element& element : kElements)
    if (dtype.empty() ? element.storage == id.type : element.dtype == dtype) return element;
  return error(ErrorCode::unsupported, "{}: tensor {} has elements of {}, which are not supported",
               where_, quote(name), quote(dtype.empty() ? id.type : dtype));
}

Result<Strided> Reader::read_view(const std::string& name, const Value& arguments) const {
  const auto& given = arguments.items;
  const Value &offset = document_[given[1]], &sizes = document_[given[2]],
              &strides = document_[given[3]];
  const auto is_count = [&](ValueId id) {
    return document_[id].kind == Kind::integer && document_[id].integer >= 0;
  };
  if (!is_count(given[1]) || !std::ranges::all_of(sizes.items, is_count) ||
      !std::ranges::all_of(strides.items, is_count) || sizes.items.size() != strides.items.size() ||
      sizes.items.size() > kMaxRank)
    return bad(name, "has a shape or strides that cannot be");
  Strided view{.offset = static_cast<uint64_t>(offset.integer)};
  for (const ValueId id : sizes.items) view.shape.push_back(document_[id].integer);
  for (const ValueId id : strides.items) view.strides.push_back(document_[id].integer);
  return view;
}

Status Reader::check_view(const std::string& name, const Strided& view, const Element& element,
                          const Storage& storage) const {
  const uint64_t there = storage.bytes.size() / static_cast<uint64_t>(stored_bytes(element));
  const auto needed = extent(view);
  const auto count = element_count(view);
  if (!needed || !count || *needed > there)
    return bad(name,
               "of shape {} needs {} elements of its storage, which has {}; download the "
               "file again",
               to_string(view.shape), needed ? std::to_string(*needed) : "more than 2^63", there);
  return {};
}

Status Reader::count_copy(const std::string& name, uint64_t bytes) {
  if (bytes > copies_left_)
    return error(ErrorCode::resource_exhausted,
                 "{}: tensor {} is a view that takes {} bytes as a tensor, more than are copied "
                 "for such a file",
                 where_, quote(name), bytes);
  copies_left_ -= bytes;
  return {};
}

Result<StoredTensor> Reader::view(const std::string& name, const Value& arguments,
                                  std::string_view dtype) {
  const auto id = storage_id(document_, document_[arguments.items[0]]);
  if (!id) return bad(name, "has no storage");
  ASSIGN_OR_RETURN(const Element element, element_of(name, *id, dtype));
  ASSIGN_OR_RETURN(const Strided view, read_view(name, arguments));
  const Result<Storage> storage = find_storage_(*id);
  if (!storage.ok())
    return error(storage.error().code, "{}: tensor {}: {}", where_, quote(name),
                 storage.error().message);
  TRY(check_view(name, view, element, *storage));
  const auto bytes = static_cast<uint64_t>(stored_bytes(element));
  const uint64_t count = *element_count(view);
  if (element.stored && (is_dense(view) || count == 0))
    return StoredTensor{.dtype = element.read,
                        .shape = view.shape,
                        .bytes = count == 0
                                     ? std::span<const std::byte>()
                                     : storage->bytes.subspan(view.offset * bytes, count * bytes),
                        .owner = storage->owner,
                        .file = count == 0 ? nullptr : storage->file};
  if (count > copies_left_) TRY(count_copy(name, count));  // before the product may overflow
  TRY(count_copy(name, count * bytes));
  Tensor copy;
  copy.dtype = element.read;
  copy.shape = view.shape;
  copy.data = gather(storage->bytes, view, stored_bytes(element));
  if (!element.stored) copy.data = widen_i16(copy.data);
  return stored(std::move(copy));
}

}  // namespace

Result<TensorFileContents> read_tensors(const Document& document, const FindStorage& find_storage,
                                        uint64_t copy_limit, std::string_view where) {
  return Reader(document, find_storage, copy_limit, where).read_root();
}

}  // namespace tempera::torch
