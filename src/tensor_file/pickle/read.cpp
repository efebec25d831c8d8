#include "tensor_file/pickle/read.h"

#include <algorithm>

#include "tensor_file/pickle/machine.h"

namespace tempera::pickle {

Result<Document> read(std::span<const std::byte> bytes, std::string_view where) {
  return Machine(bytes.first(std::min(bytes.size(), kMaxBytes)), where).run();
}

}  // namespace tempera::pickle
