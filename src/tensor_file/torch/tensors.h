#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "base/status.h"
#include "tensor_file/pickle/document.h"
#include "tensor_file/tensor_file.h"

namespace tempera::torch {

// The bytes of a storage, on which tensors are views.
struct Storage {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::shared_ptr<const MappedFile> file;  // where they are mapped; or null
};

// What a pickle says of a storage: the tuple ("storage", type, key, device, elements, view), where
// view (legacy form only) is None or (key, first element, elements).
struct StorageId {
  std::string_view key;
  std::string_view type;     // "HalfStorage", ..., "UntypedStorage"
  uint64_t elements = 0;     // of the type; bytes of an untyped one
  uint64_t view_offset = 0;  // elements
};
// Null when the value is no such id.
std::optional<StorageId> storage_id(const pickle::Document& document, const pickle::Value& value);
// Of torch's storage types; nothing when there is none of that name. Untyped ones count bytes.
std::optional<int64_t> element_bytes(std::string_view storage_type);

using FindStorage = std::function<Result<Storage>(const StorageId& id)>;

// The tensors that a pickle of torch describes, in its order. Those of the dict under "state_dict"
// if there is one, by their keys; else of all, by the keys on the way to them with dots between:
// {"string_to_param": {"*": tensor}} has "string_to_param.*". A module's parameters, buffers and
// children count as its keys; positions in lists and tuples as well; a lone tensor is "tensor".
// Texts and numbers at the top are the metadata.
//
// Values are copied where a view's elements do not lie densely in row-major order, at most
// `copy_limit` bytes in all, and of i16, which becomes i32. `where` is the file. data_loss: a
// tensor that reaches beyond its storage, two of one name; unsupported: one of a dtype or layout
// that is not read, or a file that holds something else; not_found: no storage.
Result<TensorFileContents> read_tensors(const pickle::Document& document,
                                        const FindStorage& find_storage, uint64_t copy_limit,
                                        std::string_view where);

}  // namespace tempera::torch
