#include "frontend/checkpoint/taesd_weights.h"

#include <utility>

#include "tensor_file/taesd_names.h"

namespace tempera::frontend {

Result<std::shared_ptr<const Weights>> open_taesd_weights(const std::string& path) {
  ASSIGN_OR_RETURN(NamedTensors tensors, open_taesd(path));
  return std::make_shared<const Weights>(Part::vae, path, std::move(tensors),
                                         [](std::string_view name) { return std::string(name); });
}

}  // namespace tempera::frontend
