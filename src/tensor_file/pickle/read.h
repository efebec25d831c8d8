#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/status.h"
#include "tensor_file/pickle/document.h"

namespace tempera::pickle {

inline constexpr size_t kMaxBytes = size_t{16} << 20;
inline constexpr size_t kMaxValues = size_t{1} << 20;

// Reads one pickle of protocol 0 to 5 at the start of `bytes`, which must outlive the document.
// Nothing is imported, called or executed: globals are names, and objects are what would be called
// with what. Calls of classes that no model needs are kept as objects; `where` names the file in
// errors. data_loss: not a pickle, one that breaks off, or one that calls a function (see calls.h);
// unsupported: an opcode that needs a running Python; resource_exhausted: over the limits above.
Result<Document> read(std::span<const std::byte> bytes, std::string_view where);

}  // namespace tempera::pickle
