#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor_file/tensor_file.h"

namespace tempera {

// The tensors of a model in several files, of any form, that lie beside their index:
//   {"metadata": {...}, "weight_map": {name: file, ...}}
// in the order of the index. data_loss: not such an index, a file name with a folder in it, or a
// tensor that its file lacks; not_found: no such file.
Result<TensorFileContents> read_sharded(std::string_view index, const std::string& path);

}  // namespace tempera
